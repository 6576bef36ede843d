"""What the form says of a rule: in a sentence, and what clock changes do to it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.portal.jobs.form.clock_changes import clock_warnings
from services.scheduler.portal.jobs.form.rhythm_words import rhythm_words
from tests.parts.fakes_api import NOON

BERLIN = "Europe/Berlin"
WEEKDAYS = tuple(Weekday)[:5]


def rule(frequency: Frequency, interval: int = 1, zone: str | None = None, **schedule: Any) -> Recurrence:
    return Recurrence(
        frequency=frequency, interval=interval, time_zone=zone, schedule=Schedule(**schedule) if schedule else None
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rule(Frequency.HOUR, 2), "every 2 hours, UTC"),
        (
            rule(Frequency.WEEK, 2, BERLIN, week_days=WEEKDAYS, hours=(9,), minutes=(0, 30)),
            "every 2 weeks on weekdays at 09:00 and 09:30, Europe/Berlin",
        ),
        (rule(Frequency.WEEK, week_days=tuple(Weekday)[5:]), "every week at the weekend, UTC"),
        (rule(Frequency.MONTH, month_days=(-1, 1, 22)), "every month on the 1st, 22nd and last day, UTC"),
        (
            rule(
                Frequency.MONTH,
                monthly_occurrences=(
                    MonthlyOccurrence(day=Weekday.MONDAY, occurrence=1),
                    MonthlyOccurrence(day=Weekday.FRIDAY, occurrence=-2),
                ),
            ),
            "every month on the first Monday and the second last Friday, UTC",
        ),
        (rule(Frequency.MINUTE, 5, hours=tuple(range(8, 18))), "every 5 minutes in hours 8 to 17, UTC"),
        (Recurrence(cron="0 5 * * 1", count=3), "by cron 0 5 * * 1, 3 times, UTC"),
        (None, "once, as soon as it is saved"),
    ],
)
def test_a_rule_is_told_in_a_sentence(given: Recurrence | None, words: str) -> None:
    assert rhythm_words(given, None) == words


GAP = "2026-03-29: the clocks of Europe/Berlin skip 02:30; it runs at 03:00."
FOLD = "2026-10-25: 02:30 comes twice in Europe/Berlin; it runs the first time only."


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        (rule(Frequency.DAY, 1, BERLIN, hours=(2,), minutes=(30,)), [GAP, FOLD]),
        (Recurrence(cron="30 2 * * *", time_zone=BERLIN), [GAP, FOLD]),
        (Recurrence(cron="*/30 * * * *", time_zone=BERLIN), []),
        (rule(Frequency.DAY, 1, BERLIN, hours=(4,), minutes=(30,)), []),
        (rule(Frequency.WEEK, 1, BERLIN, week_days=(Weekday.MONDAY,), hours=(2,), minutes=(30,)), []),
        (rule(Frequency.HOUR, 1, BERLIN), []),
        (rule(Frequency.DAY, 1, None, hours=(2,), minutes=(30,)), []),
        (rule(Frequency.DAY, 1, "Asia/Tokyo", hours=(2,), minutes=(30,)), []),
    ],
)
def test_clock_changes_are_told_where_they_matter(given: Recurrence, warnings: list[str]) -> None:
    assert clock_warnings(given, None, NOON) == warnings


def test_a_start_within_the_skipped_hour_counts_as_well() -> None:
    start = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert clock_warnings(rule(Frequency.DAY, 1, BERLIN), start, NOON) == [GAP, FOLD]


def test_what_ends_before_is_not_told() -> None:
    ends = Recurrence(cron="30 2 * * *", time_zone=BERLIN, end_time=datetime(2026, 5, 1, tzinfo=UTC))
    assert clock_warnings(ends, None, NOON) == [GAP]
