"""Tells whether what is wanted is there already: two documents that mean the same, however they are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.client.moving.fields import BY_NAME, DURATIONS, FREE_FORM, READ_ONLY, TIMES, part
from services.client.moving.translation import has_ended, state_of
from shared.durations import format_iso, parse_duration

_COLLECTION_DEFAULTS = {"state": "enabled", "sku": {"name": "unlimited"}}
_JOB_DEFAULTS = {
    "state": "enabled",
    "overlap": "skip",
    "catchUp": "runonce",
    "catchUpWindow": "PT1H",
    "timeout": "PT1M",
    "flexibleWindow": "PT0S",
}
_MESSAGES = {
    "storagequeue": "queueMessage",
    "servicebusqueue": "serviceBusQueueMessage",
    "servicebustopic": "serviceBusTopicMessage",
    "mqtt": "mqttMessage",
}
_MQTT_DEFAULTS = {"qos": 1, "retain": False}
_RETRY_DEFAULTS = {"retryType": "fixed", "retryInterval": "PT30S", "retryCount": 4}
_TEXTS = frozenset(
    {
        *("uri", "body", "pool", "host", "cron", "timeZone", "location"),
        *("username", "clientId", "audience", "sasKeyName", "message", "queueName", "topicPath"),
        *("topic", "payload", "contentType", "responseTopic", "correlationData"),
        *("correlationId", "label", "messageId", "partitionKey", "replyTo", "replyToSessionId", "sessionId", "to"),
        *("viaPartitionKey", "password", "pfx", "secret", "sasToken", "sasKey", "webhookSecret"),
    }
)
"""Fields whose case means something."""


def same_collection(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Tell whether writing a collection would change nothing."""
    return canonical_collection(wanted) == canonical_collection(there)


def same_job(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Tell whether writing a job would change nothing that matters.

    A job that has run to its end since it was written is the same: to write it again would run it again. One wanted
    with an ended state is there when it is disabled or has that state.
    """
    left, right = canonical_pair(wanted, there)
    return left == right


def canonical_pair(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both jobs in their one form, equal where writing would change nothing that matters (`same_job`)."""
    left, right = canonical_job(wanted), canonical_job(there)
    if has_ended(there) and state_of(wanted) == "enabled":
        right["state"] = "enabled"
    if has_ended(wanted) and state_of(there) == "disabled":
        right["state"] = left["state"]
    return left, right


def canonical_job(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job in its one form: defaults filled in, times and durations spelled alike, read-only fields gone."""
    named = part(document, "recurrence").get("timeZone")
    zone = named if isinstance(named, str) else None
    plain = _plain({name: value for name, value in document.items() if name not in ("name", "collection")}, zone)
    job = _JOB_DEFAULTS | plain
    _fill_action(part(job, "action"))
    _fill_action(part(job, "action", "errorAction"))
    _fill_call(part(job, "maintenance", "cancel"))
    _fill_recurrence(part(job, "recurrence"))
    if placement := part(job, "placement"):
        placement.setdefault("choice", "spread")
    return job


def _fill_recurrence(recurrence: dict[str, Any]) -> None:
    if "frequency" in recurrence:
        recurrence.setdefault("interval", 1)


def canonical_collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection in its one form, as `canonical_job` does."""
    found = _COLLECTION_DEFAULTS | _plain({name: value for name, value in document.items() if name != "name"})
    _fill_recurrence(part(found, "quota", "maxRecurrence"))
    return found


def _fill_action(action: dict[str, Any]) -> None:
    if not action:
        return
    _fill_call(action)
    policy = _RETRY_DEFAULTS | part(action, "retryPolicy")
    if policy["retryType"] == "exponential":
        policy.setdefault("maxInterval", "PT1H")
    action["retryPolicy"] = {"retryType": "none"} if policy["retryType"] == "none" else policy


def _fill_call(action: dict[str, Any]) -> None:
    if request := part(action, "request"):
        request.setdefault("method", "get")
        action.setdefault("type", str(request.get("uri")).partition(":")[0].lower())
    for kind, name in _MESSAGES.items():
        if name in action:
            action.setdefault("type", kind)
            _fill_message(name, part(action, name))


def _fill_message(name: str, message: dict[str, Any]) -> None:
    if name == "mqttMessage":
        message |= {**_MQTT_DEFAULTS, **message}
    if message.get("transportType") == "notspecified":
        del message["transportType"]
    if authentication := part(message, "authentication"):
        authentication["type"] = "sharedaccesskey"


def _plain(document: Mapping[str, Any], zone: str | None = None) -> dict[str, Any]:
    """Return the object without what is empty or read only, every value in its one spelling."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        spelled = "Occurrence" if name == "occurrence" else name
        plain = value if name in FREE_FORM else _one(spelled, value, zone)
        if name not in READ_ONLY and plain not in (None, {}, []):
            found[spelled] = plain
    return found


def _one(name: str, value: Any, zone: str | None) -> Any:
    if isinstance(value, dict):
        if name in BY_NAME:
            return _plain({event.lower(): rule for event, rule in value.items()}, zone)
        return _plain(value, zone)
    if isinstance(value, list):
        return [_one("", item, zone) for item in value]
    if name in ("minutes", "hours", "monthDays") and isinstance(value, int):
        return [value]
    return _text(name, value, zone) if isinstance(value, str) else value


def _text(name: str, value: str, zone: str | None) -> str:
    if name in _TEXTS:
        return value
    try:
        if name in DURATIONS:
            return format_iso(parse_duration(value))
        return _instant(value, zone) if name in TIMES else value.lower()
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return value.lower()


def _instant(text: str, zone: str | None) -> str:
    """Return a time in UTC to the millisecond, which is what the scheduler keeps; a wall time is one of `zone`."""
    value = datetime.fromisoformat(text)
    aware = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds")
