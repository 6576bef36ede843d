"""Documents of jobs as hypothesis makes them up: everything that the portal's form can show."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from services.scheduler.portal.jobs.form.fields import EVENT_TYPES
from services.scheduler.portal.jobs.form.paths import drop
from services.scheduler.portal.jobs.form.secrets import PLACES
from services.scheduler.portal.jobs.form.values import DAYS
from shared.durations import format_iso
from tests.parts.every_action import ACTIONS

Json = dict[str, Any]
Strategy = st.SearchStrategy[Any]
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["C"], include_characters="\n"), min_size=1, max_size=40)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True)
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=30)).map(format_iso)
PAIRS = st.dictionaries(NAMES, WORDS, min_size=1, max_size=4)
TIMES = st.sampled_from(["2026-03-29T02:30", "2026-10-25T02:30:15", "2026-01-31T09:30:00.250"])
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Chatham", "UTC"])


def some(**fields: Strategy) -> Strategy:
    """Return a strategy of objects with some of the fields, and one at least."""
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


def bare(document: Mapping[str, Any]) -> Json:
    """Return a document without secrets."""
    found = deepcopy(dict(document))
    for path in PLACES:
        drop(found, path)
    return found


def spelled(document: Mapping[str, Any]) -> Json:
    """Return a document without secrets, as the form spells it: what follows from the rest is left out."""
    found = bare(document)
    action = found["action"]
    if "request" in action:
        action.pop("type", None)
    for message in (action.get("serviceBusQueueMessage"), action.get("serviceBusTopicMessage")):
        if message:
            del message["authentication"]["type"]
            message["transportType"] = "netMessaging"
    return found


def _calls() -> Strategy:
    """Return every kind of action that there are examples of, some with what else the form can say."""
    proofs = [spelled({"action": action})["action"] for action in ACTIONS.values()]
    requests = st.fixed_dictionaries(
        {"uri": WORDS},
        optional={"method": st.sampled_from(["PUT", "POST", "DELETE"]), "headers": PAIRS, "body": TEXTS},
    )
    messages = st.fixed_dictionaries(
        {"topic": WORDS, "payload": st.just("") | TEXTS},
        optional={
            "qos": st.sampled_from([0, 2]),
            "retain": st.just(True),
            "contentType": WORDS,
            "messageExpiry": LENGTHS,
            "userProperties": PAIRS,
        },
    )
    return (
        st.sampled_from(proofs)
        | st.builds(lambda request: {"request": request}, requests)
        | st.builds(lambda message: {"type": "Mqtt", "mqttMessage": message}, messages)
    )


def _policies() -> Strategy:
    times: dict[str, Strategy] = {"retryCount": st.integers(0, 20), "retryInterval": LENGTHS}
    return (
        st.just({"retryType": "none"})
        | st.fixed_dictionaries({"retryType": st.just("fixed")}, optional=times)
        | st.fixed_dictionaries({"retryType": st.just("exponential")}, optional={**times, "maxInterval": LENGTHS})
    )


def _schedules(frequency: str) -> Strategy:
    fields: dict[str, Strategy] = {
        "hours": st.lists(st.integers(0, 23), min_size=1, max_size=5, unique=True),
        "minutes": st.lists(st.integers(0, 59), min_size=1, max_size=5, unique=True),
    }
    if frequency == "week":
        fields["weekDays"] = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda days: sorted(days, key=DAYS.index))
    if frequency == "month":
        fields["monthDays"] = st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=5, unique=True)
        nth = st.fixed_dictionaries(
            {"day": st.sampled_from(DAYS)}, optional={"Occurrence": st.integers(-5, 5).filter(bool)}
        )
        fields["monthlyOccurrences"] = st.lists(nth, min_size=1, max_size=3)
    return some(**fields)


@st.composite
def recurrences(draw: st.DrawFn) -> Json:
    """Make up a recurrence."""
    bounds = {"timeZone": ZONES, "endTime": TIMES, "count": st.integers(1, 1000)}
    rule: Json = draw(st.fixed_dictionaries({}, optional=bounds))
    if draw(st.booleans()):
        return {**rule, "cron": draw(st.sampled_from(["30 2 * * 1", "*/5 * * * *"]))}
    frequency = draw(st.sampled_from(["second", "minute", "hour", "day", "week", "month"]))
    rule |= {"frequency": frequency} | draw(st.fixed_dictionaries({}, optional={"interval": st.integers(2, 500)}))
    return rule | draw(st.fixed_dictionaries({}, optional={"schedule": _schedules(frequency)}))


def _rules() -> dict[str, Strategy]:
    return {
        "strategy": st.sampled_from(["Reroute", "Hold", "Ignore"]),
        "leadTime": LENGTHS | st.just("auto"),
        "inFlight": st.sampled_from(["Wait", "Cancel"]),
        "atDeadline": st.sampled_from(["Leave", "Cancel", "Move"]),
        "lastStanding": st.sampled_from(["HoldAll", "RunOnLeastUrgent"]),
        "onRelease": st.sampled_from(["RunOnce", "RunAll", "Skip"]),
    }


@st.composite
def actions(draw: st.DrawFn) -> Json:
    """Make up an action."""
    action = dict(draw(_calls()))
    if draw(st.booleans()):
        action["retryPolicy"] = draw(_policies())
    if draw(st.booleans()):
        error = dict(draw(_calls()))
        if "request" in error:
            error["type"] = "Https" if error["request"]["uri"].startswith("https:") else "Http"
        action["errorAction"] = error | draw(st.fixed_dictionaries({}, optional={"retryPolicy": _policies()}))
    return action


@st.composite
def job_documents(draw: st.DrawFn) -> Json:
    """Make up a job: whatever the form shows, and spells as it would."""
    by_type = st.dictionaries(st.sampled_from(EVENT_TYPES), some(**_rules()), min_size=1, max_size=2)
    more = {
        "startTime": TIMES,
        "recurrence": recurrences(),
        "placement": some(pool=NAMES, host=NAMES, choice=st.sampled_from(["Spread", "Sticky", "Random"])),
        "maintenance": some(**_rules(), byType=by_type),
        "overlap": st.sampled_from(["Allow", "QueueOne"]),
        "catchUp": st.sampled_from(["RunAll", "Skip"]),
        "catchUpWindow": LENGTHS,
        "timeout": LENGTHS,
        "flexibleWindow": LENGTHS,
        "tags": PAIRS,
        "state": st.just("disabled"),
    }
    return {"action": draw(actions()), **draw(st.fixed_dictionaries({}, optional=more))}
