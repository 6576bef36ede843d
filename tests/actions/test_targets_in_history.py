"""What becomes of occurrences whose target may not be reached."""

from services.scheduler.dispatch.actions.callers import Callers
from services.scheduler.domain.actions import Action, ErrorAction, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.executions import HistoryStatus
from tests.parts.builders import definition
from tests.parts.canary import WatchedGuard, canary
from tests.parts.dispatching import dispatching
from tests.parts.http import http_caller

RETRIES = RetryPolicy(kind=RetryKind.FIXED, count=3)


async def test_main_and_error_action_fail_once_each_and_say_why() -> None:
    guard = WatchedGuard()
    callers = Callers({HttpCall: http_caller(guard=guard)})
    async with canary() as listening, callers, dispatching(caller=callers) as work:
        main = HttpCall(method="GET", uri=f"http://127.0.0.1:{listening.port}/")
        other = HttpCall(method="GET", uri="http://169.254.169.254/metadata/instance", headers={"Metadata": "true"})
        error = ErrorAction(call=other, retry_policy=RETRIES)
        await work.add(definition(action=Action(call=main, retry_policy=RETRIES, error_action=error)))
        rows = await work.until_rows(2)
    assert [(row.action_name, row.status, row.attempt) for row in rows] == [
        ("MainAction", HistoryStatus.FAILED, 1),
        ("ErrorAction", HistoryStatus.FAILED, 2),
    ]
    for row, address in zip(rows, ("127.0.0.1", "169.254.169.254"), strict=True):
        assert row.message == (
            f"Http Action - Request to host '{address}' failed: "
            f"target address {address} is denied (LEEWARD_TARGETS_DENY)"
        )
    assert (guard.opened, listening.connections) == ([], 0)
