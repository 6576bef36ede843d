"""What came of events, in figures."""

from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.api.event_statistics import approval_to_start, drain, duration, notice, statistics
from services.scheduler.store.records import Approval, ApprovalState, EventOutcome, HostDrain
from shared.messages import DrainState
from tests.parts.fakes_api import NOON
from tests.parts.past_events import EVENT, after


def test_an_event_has_its_notice_its_drain_its_approval_and_its_duration() -> None:
    assert (notice(EVENT), drain(EVENT)) == (after(900), after(60))
    assert (approval_to_start(EVENT), duration(EVENT)) == (after(9), after(30))


def test_an_event_that_had_begun_when_it_was_first_seen_gave_no_notice() -> None:
    born_started = replace(EVENT, announced_for=None, started_at=NOON)
    assert notice(born_started) == timedelta()
    assert notice(replace(born_started, started_at=None)) is None


def test_what_nobody_saw_is_not_measured() -> None:
    assert duration(replace(EVENT, started_at=None)) is None
    assert duration(replace(EVENT, outcome=EventOutcome.EXPIRED)) is None
    assert approval_to_start(replace(EVENT, approval=Approval(state=ApprovalState.FOREIGN, at=NOON))) is None
    overdue = HostDrain(drain=DrainState.OVERDUE)
    assert drain(replace(EVENT, hosts={**EVENT.hosts, "db-2": overdue})) is None


def test_half_of_the_events_took_no_longer_than_the_median_and_nine_in_ten_than_p90() -> None:
    events = [replace(EVENT, announced_for=NOON + after(seconds)) for seconds in range(10, 110, 10)]
    cancelled = replace(EVENT, outcome=EventOutcome.CANCELLED, announced_for=None, started_at=None)
    freeze = replace(cancelled, type="Freeze", hosts={}, approval=Approval())
    frozen, rebooted = statistics([*events, freeze, cancelled])
    assert (rebooted.type, rebooted.count) == ("Reboot", 11)
    assert {outcome.value: count for outcome, count in rebooted.outcomes.items() if count} == {
        "completed": 10,
        "cancelled": 1,
    }
    assert rebooted.notice is not None
    assert (rebooted.notice.count, rebooted.notice.median_seconds, rebooted.notice.p90_seconds) == (10, 50.0, 90.0)
    assert (frozen.type, frozen.notice, frozen.drain, frozen.duration) == ("Freeze", None, None, None)
