"""Events in plain words."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.fleet.narration import of_event
from services.scheduler.store.records import EventRecord, HostDrain

SEEN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def announced(notice: timedelta) -> EventRecord:
    return EventRecord(
        event_id="E1",
        type="Redeploy",
        status="Scheduled",
        resources=("db-0",),
        not_before=SEEN + notice,
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=SEEN,
    )


@pytest.mark.parametrize(
    ("notice", "told"),
    [(timedelta(minutes=15), "not before 12:15:00 UTC"), (timedelta(days=7), "not before 2026-03-09 12:00:00 UTC")],
)
def test_an_event_on_another_day_is_announced_with_its_date(notice: timedelta, told: str) -> None:
    (sentence,) = of_event(None, announced(notice))
    assert sentence.full.endswith(told)


def test_an_event_moved_to_another_day_is_told_with_its_date() -> None:
    (sentence,) = of_event(announced(timedelta(minutes=15)), announced(timedelta(days=1)))
    assert sentence.full.endswith("is moved to 2026-03-03 12:00:00 UTC")


@pytest.mark.parametrize("drain", ["drained", "overdue"])
def test_who_sees_some_collections_only_is_not_told_how_many_jobs_there_were(drain: str) -> None:
    event = announced(timedelta(minutes=15))
    before = replace(event, hosts={"db-0": HostDrain(drain="draining", running=71, held=72, rerouted=73)})
    after = replace(event, hosts={"db-0": HostDrain(drain=drain, running=71, held=72, rerouted=73)})
    (sentence,) = of_event(before, after)
    assert "72 held" in sentence.full
    assert "db-0 is" in sentence.bare
    assert not any(number in sentence.bare for number in ("71", "72", "73"))
