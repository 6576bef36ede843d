"""Events in plain words."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.fleet.narration import of_event
from services.scheduler.store.records import EventRecord

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
    assert sentence.endswith(told)


def test_an_event_moved_to_another_day_is_told_with_its_date() -> None:
    (sentence,) = of_event(announced(timedelta(minutes=15)), announced(timedelta(days=1)))
    assert sentence.endswith("is moved to 2026-03-03 12:00:00 UTC")
