"""A job's definition in plain words."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, HttpCall, MqttCall, RetryKind, RetryPolicy
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import Job, JobDefinition, JobId, JobState
from services.scheduler.domain.policies import CatchUp, HostChoice, Overlap, Placement
from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.portal.jobs.definition_words import definition_lines

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALL = HttpCall(method="GET", uri="http://db-0/backup")
WEEKLY = Recurrence(
    frequency=Frequency.WEEK,
    time_zone="Europe/Berlin",
    schedule=Schedule(week_days=(Weekday.MONDAY, Weekday.FRIDAY), hours=(5,), minutes=(0, 30)),
)
MONTHLY = Recurrence(
    frequency=Frequency.MONTH,
    interval=2,
    schedule=Schedule(
        monthly_occurrences=(
            MonthlyOccurrence(day=Weekday.MONDAY, occurrence=1),
            MonthlyOccurrence(day=Weekday.FRIDAY, occurrence=-1),
            MonthlyOccurrence(day=Weekday.SUNDAY),
        )
    ),
)


def lines(**changes: object) -> dict[str, str]:
    """Return the lines of a job whose definition has changes."""
    job = Job(
        id=JobId(1),
        uid="uid",
        collection_id=CollectionId(1),
        collection="ops",
        name="nightly",
        definition=replace(JobDefinition(action=Action(call=CALL)), **changes),
        state=JobState.ENABLED,
        anchor=NOON,
        next_due=None,
        created_at=NOON,
        updated_at=NOON,
    )
    return dict(definition_lines(job))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (None, "once"),
        (WEEKLY, "every week, on Monday and Friday, in hour 5, at minute 0 and 30, Europe/Berlin"),
        (MONTHLY, "every 2 months, on the first Monday, the last Friday and every Sunday"),
        (
            Recurrence(frequency=Frequency.MONTH, schedule=Schedule(month_days=(1, -1, -2))),
            "every month, on day 1, last and 2 from the end of the month",
        ),
        (Recurrence(cron="0 5 * * *"), "cron 0 5 * * *"),
    ],
)
def test_a_rule_is_said_whole(rule: Recurrence | None, words: str) -> None:
    assert lines(recurrence=rule)["Due"] == words


def test_what_is_usual_is_said_as_well() -> None:
    said = lines()
    assert said["Retries"] == "4 times, 30 s apart"
    assert said["Time limit"] == "1 min"
    assert said["Catching up"] == "the latest missed occurrence runs, within 1 h"
    assert {"Ends", "Until", "From", "Starts", "When all failed"}.isdisjoint(said)


def test_what_is_decided_otherwise_is_said() -> None:
    retries = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=timedelta(seconds=5), count=1)
    action = Action(call=CALL, retry_policy=retries, cancel=MqttCall(topic="stop", payload=""))
    said = lines(
        action=action,
        start_time=NOON,
        recurrence=Recurrence(frequency=Frequency.DAY, count=1, end_time=NOON),
        placement=Placement(pool="db", choice=HostChoice.STICKY),
        overlap=Overlap.ALLOW,
        catch_up=CatchUp.SKIP,
        flexible_window=timedelta(minutes=10),
    )
    assert said["Retries"] == "1 time, after 5 s, each wait twice the one before"
    assert said["When broken off"] == "topic stop"
    assert said["Ends"] == "after 1 occurrence"
    assert said["From"] == said["Until"] == "2026-03-02 12:00:00 UTC"
    assert said["Runs on"] == "pool db, always the same of those that are free"
    assert said["Overlap"] == "occurrences may run at the same time"
    assert said["Catching up"] == "missed occurrences do not run"
    assert said["Starts"] == "within 10 min of when it is due"
