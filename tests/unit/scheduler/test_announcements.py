"""What subscribers are told of occurrences: what happened, why in one word, and because of which event."""

import pytest

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict, missed_for, skipped_for
from services.scheduler.domain.executions import AttemptResult, HistoryStatus, unrun_row
from services.scheduler.domain.placement import Hold, Lost, Queue, Run, decide
from services.scheduler.feed import Feed
from services.scheduler.metrics import Metrics
from shared.bus import Publication
from shared.clock import SystemClock
from shared.messages import CloudEvent, ExecutionNotice, decode
from shared.topics import Topics
from tests.parts.builders import (
    EVENT_ID,
    NOON,
    by_hand,
    case,
    definition,
    fleet,
    host,
    job,
    occurrence,
    threat,
)

HIT = host("db-0", threat("db-0"), pools=("db",))
FREE = host("db-1", pools=("db",))


class Said:
    """An outlet that remembers what it was given, and what was counted meanwhile."""

    def __init__(self) -> None:
        self.events: list[CloudEvent[ExecutionNotice]] = []
        self.metrics = Metrics("test")
        self.announcer = Announcer(
            self, Topics(), Feed(), SystemClock(), self.metrics, replica="one", new_id=lambda: "id"
        )

    def is_read(self, _topic: str) -> bool:
        """Say that somebody listens."""
        return True

    def offer(self, publication: Publication) -> bool:
        """Remember a publication."""
        self.events.append(decode(publication.payload, CloudEvent[ExecutionNotice]))
        return True

    def decided(self) -> dict[tuple[str, str], float]:
        """Return the decisions that were counted, and how often."""
        families = self.metrics.registry.collect()
        samples = [sample for family in families for sample in family.samples if sample.value]
        return {
            (sample.labels["decision"], sample.labels["cause"]): sample.value
            for sample in samples
            if sample.name == "leeward_decisions_total"
        }

    def told(self) -> list[tuple[str, str, str | None]]:
        """Return of each notice the last part of its type, the cause and the event."""
        return [(event.type.rpartition(".")[2], event.data.cause, event.data.event_id) for event in self.events]


@pytest.fixture
def said() -> Said:
    return Said()


def decision(*hosts: object, host: str | None = "db-0", pool: str | None = None) -> Run | Hold | Lost | Queue:
    return decide(case(definition(host=host, pool=pool)), fleet(*hosts), lambda _: (0, 0.0))  # type: ignore[arg-type]


def test_a_start_elsewhere_says_because_of_which_event_and_is_one_decision(said: Said) -> None:
    run = decision(HIT, FREE, pool="db")
    assert isinstance(run, Run)
    said.announcer.started(job(), occurrence(), run)
    assert said.told() == [("rerouted", "event", EVENT_ID), ("started", "event", EVENT_ID)]
    assert said.decided() == {("rerouted", "event"): 1}


def test_a_hold_says_what_it_is_for(said: Said) -> None:
    for hosts, cause, event_id in (
        ((HIT,), "event", EVENT_ID),
        ((host("db-0", by_hand()),), "cordon", "cordon"),
        ((FREE,), "unknown_host", None),
    ):
        hold = decision(*hosts)
        assert isinstance(hold, Hold)
        said.announcer.held(job(), occurrence(), hold)
        assert said.told()[-1] == ("held", cause, event_id)
    assert len(said.decided()) == 3


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (None, ("failed", "", None)),
        (DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME), ("failed", "", None)),
        (
            DecisionRecord(verdict=Verdict.CANCELLED, cause=Cause.DEADLINE, event_id=EVENT_ID),
            ("failed", "deadline", EVENT_ID),
        ),
    ],
)
def test_only_an_attempt_that_was_broken_off_ends_for_a_cause(
    said: Said, record: DecisionRecord | None, told: tuple[str, str, str | None]
) -> None:
    result = AttemptResult(
        succeeded=False, retryable=False, message="", started_at=NOON, ended_at=NOON, decision=record
    )
    said.announcer.ended(job(), occurrence(), result)
    assert said.told() == [told]
    assert said.decided() == ({("cancelled", "deadline"): 1} if told[1] else {})


def test_a_lost_host_is_named_with_what_was_missed(said: Said) -> None:
    record = DecisionRecord(verdict=Verdict.MISSED, cause=Cause.LOST, event_id=EVENT_ID)
    said.announcer.missed(job(), [unrun_row(occurrence(host="db-0"), HistoryStatus.MISSED, "gone", NOON, record)])
    assert said.told() == [("missed", "lost", EVENT_ID)]
    assert said.events[0].data.host == "db-0"
    assert said.decided() == {("missed", "lost"): 1}


@pytest.mark.parametrize(
    ("cause", "label"),
    [
        (Cause.COALESCED, "coalesced"),
        (Cause.WINDOW_PASSED, "window_passed"),
        (Cause.NOT_CAUGHT_UP, "not_caught_up"),
        (Cause.UNKNOWN_HOST, "no_host"),
        (Cause.NOT_PLANNABLE, "not_plannable"),
        (Cause.LOST, "host_lost"),
    ],
)
def test_what_was_missed_is_counted_by_its_cause(said: Said, cause: Cause, label: str) -> None:
    row = unrun_row(occurrence(), HistoryStatus.MISSED, "any words", NOON, missed_for(cause))
    said.announcer.missed(job(), [row, row])
    value = said.metrics.registry.get_sample_value("leeward_missed_occurrences_total", {"reason": label})
    assert (value, said.decided()) == (2, {("missed", cause.value): 2})


def test_what_was_skipped_is_counted_and_not_told(said: Said) -> None:
    row = unrun_row(occurrence(), HistoryStatus.SKIPPED, "any words", NOON, skipped_for(Cause.OVERLAP))
    said.announcer.skipped([row])
    assert (said.told(), said.decided()) == ([], {("skipped", "overlap"): 1})
