"""What of a job, a host or an event a stranger may see: fields that are named here, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.operations.bundle.masking import origin

Document = Mapping[str, Any]
_POLICY = ("strategy", "leadTime", "inFlight", "atDeadline", "lastStanding", "onRelease")
_RECURRENCE = ("frequency", "interval", "count", "endTime", "timeZone", "cron")
_SCHEDULE = ("minutes", "hours", "weekDays", "monthDays")
_JOB = ("collection", "name", "state", "startTime", "overlap", "catchUp", "catchUpWindow", "timeout", "flexibleWindow")
_STATUS = (
    "executionCount",
    "failureCount",
    "faultedCount",
    "lastExecutionTime",
    "nextExecutionTime",
    "expectedDuration",
)
_RETRIES = ("retryType", "retryInterval", "retryCount", "maxInterval")
_HOST = ("host", "condition", "watcher", "pools", "addresses", "events", "running", "held", "until", "lastSeenAt")
_EVENT = (
    "eventId",
    "type",
    "status",
    "resources",
    "notBefore",
    "durationSeconds",
    "source",
    "outcome",
    "firstSeenAt",
    "endedAt",
)
_DRAIN = ("drain", "running", "held", "rerouted")
_APPROVAL = ("state", "at", "by")
_ADDRESSES = ("uri", "url")
_SECRETS = ("authentication", "webhookSecret", "sasToken")
_CONTENTS = ("body", "headers", "message", "payload", "customMessageProperties")


def job_shape(job: Document) -> Document:
    """Return a job without what it sends: its target's origin, its times, its counters, and which fields it has."""
    action = _part(job, "action")
    recurrence = _part(job, "recurrence")
    schedule = _picked(_part(recurrence, "schedule"), _SCHEDULE)
    return {
        **_picked(job, _JOB),
        "status": _picked(_part(job, "status"), _STATUS),
        "action": _action_shape(action),
        "errorAction": _action_shape(_part(action, "errorAction")),
        "retryPolicy": _picked(_part(action, "retryPolicy"), _RETRIES),
        "recurrence": {
            **_picked(recurrence, _RECURRENCE),
            "schedule": schedule,
        },
        "placement": _picked(_part(job, "placement"), ("host", "pool", "choice")),
        "maintenance": _picked(_part(job, "maintenance"), _POLICY),
        "tags": len(_part(job, "tags")),
    }


def collection_shape(collection: Document) -> Document:
    """Return a collection without its tags."""
    return {
        **_picked(collection, ("name", "state", "location")),
        "sku": _picked(_part(collection, "sku"), ("name",)),
        "maintenance": _picked(_part(collection, "maintenance"), _POLICY),
        "tags": len(_part(collection, "tags")),
    }


def host_shape(host: Document) -> Document:
    """Return a host without the reasons that people gave."""
    return _picked(host, _HOST)


def event_shape(event: Document) -> Document:
    """Return an event without the words that anybody wrote about it."""
    drains = {host: _picked(drain, _DRAIN) for host, drain in _part(event, "hosts").items() if isinstance(drain, dict)}
    return {**_picked(event, _EVENT), "hosts": drains, "approval": _picked(_part(event, "approval"), _APPROVAL)}


def _action_shape(action: Document) -> Document:
    calls = [action, *(value for name, value in action.items() if isinstance(value, dict) and name != "errorAction")]
    found: dict[str, Any] = dict(_picked(action, ("type",)))
    for call in calls:
        found |= _picked(call, ("method", "transportType", "qos", "retain"))
        found |= {name: origin(str(call[name])) for name in _ADDRESSES if call.get(name)}
        found |= {f"has {name}": True for name in (*_SECRETS, *_CONTENTS) if call.get(name)}
        if kind := _part(call, "authentication").get("type"):
            found["authentication"] = kind
    return found


def _picked(document: Document, names: Sequence[str]) -> Document:
    return {
        name: document[name] for name in names if document.get(name) not in (None, [], {}) and _plain(document[name])
    }


def _plain(value: object) -> bool:
    """Whether it is a word or number, or a list of such: a document in their place is not looked through."""
    if isinstance(value, list):
        return all(_plain(one) for one in value)
    return isinstance(value, str | int | float | bool)


def _part(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
