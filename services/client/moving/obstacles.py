"""What of a job this version cannot carry, and the secrets that Azure never exported."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.client.moving.fields import QUEUE_SECRET, SECRETS, part

_ACTIONS = {"http", "https"}
_AUTHENTICATED = ("request", "serviceBusQueueMessage", "serviceBusTopicMessage")


def obstacles(document: Mapping[str, Any]) -> list[str]:
    """Return why a job (spelled as `translation` spells it) cannot run here; empty when it can."""
    found = [reason for path, action in actions(document) for reason in _of_action(path, action)]
    if part(document, "recurrence", "schedule").get("months"):
        found.append("recurrence.schedule.months: not supported; it would run in every month")
    return found


def missing_secrets(document: Mapping[str, Any]) -> list[str]:
    """Return the paths of the secrets a job needs and does not have."""
    return [
        f"{path}.{field}"
        for path, holder, fields in secret_places(document)
        for field in fields
        if not holder.get(field)
    ]


def secret_places(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Yield each object that holds secrets: its path, itself, the names of the secrets."""
    for path, action in actions(document):
        if queue := part(action, "queueMessage"):
            yield f"{path}.queueMessage", queue, (QUEUE_SECRET,)
        for name in _AUTHENTICATED:
            if authentication := part(action, name, "authentication"):
                fields = SECRETS.get(str(authentication.get("type")).lower(), ())
                yield f"{path}.{name}.authentication", authentication, fields


def actions(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a job's actions with their paths: the main one, and the one for errors."""
    yield "action", part(document, "action")
    yield "action.errorAction", part(document, "action", "errorAction")


def _of_action(path: str, action: Mapping[str, Any]) -> Iterator[str]:
    kind = action.get("type")
    if isinstance(kind, str) and kind.lower() not in _ACTIONS:
        yield f"{path}.type: this version cannot run {kind} actions"
    if authentication := part(action, "request", "authentication"):
        kind = authentication.get("type", "of no type")
        yield f"{path}.request.authentication: this version cannot authenticate ({kind})"
