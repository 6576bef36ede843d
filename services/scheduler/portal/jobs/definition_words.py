"""A job's definition in plain words, a line for each thing that somebody decided."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.scheduler.domain.actions import HttpCall, OAuthClient, RetryKind, RetryPolicy
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.policies import CatchUp, HostChoice, Overlap
from services.scheduler.domain.recurrence import MonthlyOccurrence, Recurrence, Schedule
from services.scheduler.portal.lengths import length_words
from services.scheduler.portal.words import place_words, schedule_words, target_words

Line = tuple[str, str]
"""What it is about, and what was decided."""
_OVERLAPS = {
    Overlap.SKIP: "an occurrence is skipped while the one before it still runs",
    Overlap.ALLOW: "occurrences may run at the same time",
    Overlap.QUEUE_ONE: "one occurrence waits while the one before it still runs",
}
_CATCH_UPS = {
    CatchUp.RUN_ONCE: "the latest missed occurrence runs, within {window}",
    CatchUp.RUN_ALL: "every missed occurrence runs, within {window}",
    CatchUp.SKIP: "missed occurrences do not run",
}
_CHOICES = {
    HostChoice.SPREAD: "",
    HostChoice.STICKY: ", always the same of those that are free",
    HostChoice.RANDOM: ", any of those that are free",
}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def definition_lines(job: Job) -> Iterator[Line]:
    """Yield what a job's definition says, in the order in which one asks."""
    definition = job.definition
    yield "Due", _due_words(definition)
    if definition.start_time is not None:
        yield "From", instant_words(definition.start_time)
    yield from _ends(definition.recurrence)
    choice = _CHOICES[definition.placement.choice] if definition.placement else ""
    yield "Runs on", place_words(definition) + choice
    yield from _action_lines(definition)
    yield "Time limit", length_words(definition.timeout)
    if definition.flexible_window:
        yield "Starts", f"within {length_words(definition.flexible_window)} of when it is due"
    yield "Overlap", _OVERLAPS[definition.overlap]
    yield "Catching up", _CATCH_UPS[definition.catch_up].format(window=length_words(definition.catch_up_window))


def instant_words(instant: datetime) -> str:
    """Return an instant in UTC, its zone said."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _due_words(definition: JobDefinition) -> str:
    words, recurrence = schedule_words(definition), definition.recurrence
    if recurrence is None or recurrence.schedule is None:
        return words
    return words.replace(", by schedule", ", " + ", ".join(_schedule_words(recurrence.schedule)))


def _schedule_words(schedule: Schedule) -> Iterator[str]:
    if schedule.monthly_occurrences is not None:
        yield "on " + _listed([_monthly_words(one) for one in schedule.monthly_occurrences])
    if schedule.month_days is not None:
        yield f"on day {_listed([_day_words(day) for day in schedule.month_days])} of the month"
    if schedule.week_days is not None:
        yield "on " + _listed([day.name.capitalize() for day in schedule.week_days])
    if schedule.hours is not None:
        yield f"in hour {_listed(list(map(str, schedule.hours)))}"
    if schedule.minutes is not None:
        yield f"at minute {_listed(list(map(str, schedule.minutes)))}"


def _monthly_words(one: MonthlyOccurrence) -> str:
    day = one.day.name.capitalize()
    if one.occurrence is None:
        return f"every {day}"
    return f"the {_ORDINALS.get(one.occurrence, f'{-one.occurrence}th last')} {day}"


def _day_words(day: int) -> str:
    return str(day) if day > 0 else f"{-day} from the end" if day < -1 else "last"


def _listed(words: Sequence[str]) -> str:
    *first, last = words or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def _ends(recurrence: Recurrence | None) -> Iterator[Line]:
    if recurrence is None:
        return
    if recurrence.count is not None:
        yield "Ends", f"after {recurrence.count} occurrence{'s' if recurrence.count > 1 else ''}"
    if recurrence.end_time is not None:
        yield "Until", instant_words(recurrence.end_time)


def _action_lines(definition: JobDefinition) -> Iterator[Line]:
    action = definition.action
    yield "Calls", target_words(action.call)
    if isinstance(action.call, HttpCall) and action.call.authentication is not None:
        yield "Proves itself by", _proof_words(action.call)
    if isinstance(action.call, HttpCall) and action.call.signing is not None:
        yield "Signed", "with a webhook secret"
    yield "Retries", _retry_words(action.retry_policy)
    if action.error_action is not None:
        yield "When all failed", target_words(action.error_action.call)
    if action.cancel is not None:
        yield "When broken off", target_words(action.cancel)


def _proof_words(call: HttpCall) -> str:
    kind = type(call.authentication).__name__
    if isinstance(call.authentication, OAuthClient):
        return f"a token of {call.authentication.client_id} for {call.authentication.audience}"
    return {"BasicAuthentication": "user name and password"}.get(kind, "a client certificate")


def _retry_words(policy: RetryPolicy) -> str:
    if not policy.retries:
        return "none"
    times = f"{policy.retries} time{'s' if policy.retries > 1 else ''}"
    if policy.kind is RetryKind.EXPONENTIAL:
        return f"{times}, after {length_words(policy.interval)}, each wait twice the one before"
    return f"{times}, {length_words(policy.interval)} apart"
