"""Why a job's occurrences ran where and when they did, or did not, over HTTP."""

from collections.abc import Callable
from datetime import timedelta

from services.scheduler.dispatch.outcomes import of_attempt, of_hold, of_skip
from services.scheduler.domain.decisions import Cause
from services.scheduler.domain.executions import AttemptResult
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.placement import Hold, Run, decide
from services.scheduler.store.records import Claim, Outcome
from tests.parts.api_work import claim_due, run_due, turn
from tests.parts.builders import EVENT_ID, case, fleet, host, threat
from tests.parts.fakes_api import Api, a_job, every

HELLO = "/collections/demo/jobs/hello"
HIT = host("db-0", threat("db-0", notice=timedelta(minutes=15)), pools=("db",))
FREE = host("db-1", pools=("db",))
DUE = "Reboot of db-0 is due at 2026-03-02 12:15:00 UTC"


async def end_due(api: Api, outcome: Callable[[Claim], Outcome]) -> None:
    """Let everything due end in a way."""
    owner, claims = await claim_due(api)
    assert claims
    assert not await api.services.store.settle(owner, [outcome(claim) for claim in claims])


def decided(api: Api, *hosts: HostView) -> Callable[[Claim], Outcome]:
    """Return what becomes of a claim over these hosts."""

    def outcome(claim: Claim) -> Outcome:
        now = api.services.clock.now()
        about = case(claim.job.definition, now, expected=timedelta(seconds=2))
        decision = decide(about, fleet(*hosts), lambda _: (0, 0.0))
        if isinstance(decision, Hold):
            return of_hold(claim.job, claim.occurrence, decision, api.services.clock)
        assert isinstance(decision, Run)
        result = AttemptResult(
            succeeded=True,
            retryable=False,
            message="done",
            started_at=now,
            ended_at=now + timedelta(seconds=1),
            host=decision.host.name if decision.host else None,
            reason=decision.reason,
            decision=decision.record,
        )
        return of_attempt(claim.job, claim.occurrence, result)

    return outcome


async def test_a_decision_tells_all_that_it_was_made_from(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(placement={"host": "db-0", "pool": "db"}))
    await end_due(api, decided(api, HIT, FREE))
    (decision,) = (await api.call("GET", f"{HELLO}/decisions")).document["value"]
    assert decision.pop("occurrenceId")
    assert decision == {
        "scheduledTime": "2026-03-02T12:00:00Z",
        "at": "2026-03-02T12:00:00Z",
        "attempt": 1,
        "decision": "rerouted",
        "cause": "event",
        "explanation": f"It ran on db-1 and not on db-0: {DUE}.",
        "host": "db-1",
        "awayFrom": "db-0",
        "event": {"eventId": EVENT_ID, "type": "Reboot", "notBefore": "2026-03-02T12:15:00Z"},
        "policy": {"strategy": "Reroute", "from": "default"},
        "expectedDuration": "PT2S",
        "considered": 1,
        "hosts": [{"host": "db-1", "standing": "chosen"}],
    }


async def test_decisions_are_newest_first_filtered_and_paged(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(placement={"host": "db-0"}, recurrence=every(5)))
    await end_due(api, decided(api, HIT))
    turn(api, minutes=5)
    await end_due(
        api,
        lambda claim: of_skip(claim.job, claim.occurrence, Cause.OVERLAP, "it still runs", api.services.clock),
    )
    turn(api, minutes=5)
    await end_due(api, decided(api, host("db-0")))
    every_one = (await api.call("GET", f"{HELLO}/decisions")).document["value"]
    assert [(one["decision"], one["cause"]) for one in every_one] == [
        ("ran", "home"),
        ("skipped", "overlap"),
        ("held", "event"),
    ]
    (held,) = (await api.call("GET", f"{HELLO}/decisions?$filter=decision eq Held")).document["value"]
    assert (held["host"], held["explanation"]) == ("db-0", f"It was held for db-0: {DUE}.")
    page = await api.call("GET", f"{HELLO}/decisions?$top=2")
    rest = await api.call("GET", page.document["nextLink"])
    assert [one["decision"] for one in rest.document["value"]] == ["held"]
    assert "nextLink" not in rest.document or rest.document["nextLink"] is None


async def test_a_run_that_no_known_host_serves_is_told_though_nothing_is_kept_of_it(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    await run_due(api)
    for query in ("", "?$filter=decision eq ran"):
        (decision,) = (await api.call("GET", f"{HELLO}/decisions{query}")).document["value"]
        assert (decision["decision"], decision["cause"]) == ("ran", "unplaced")
        assert decision["explanation"] == "It ran: no known host serves it."
        assert "host" not in decision
    assert (await api.call("GET", f"{HELLO}/decisions?$filter=decision eq rerouted")).document["value"] == []


async def test_a_filter_by_anything_else_is_refused_and_what_is_absent_is_not_found(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    refused = await api.call("GET", f"{HELLO}/decisions?$filter=decision eq moved")
    assert (refused.status, refused.document["field"]) == (400, "$filter")
    assert "ran, rerouted, held, cancelled, skipped, missed" in refused.document["detail"]
    assert (await api.call("GET", "/collections/demo/jobs/absent/decisions")).status == 404
