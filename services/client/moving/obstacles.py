"""What of a job this version cannot carry, and the secrets that no export holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.client.moving.fields import BUS_SECRET, QUEUE_SECRET, SECRETS, SIGNED, SIGNING_SECRET, part

_BUS_MESSAGES = ("serviceBusQueueMessage", "serviceBusTopicMessage")


def obstacles(document: Mapping[str, Any]) -> list[str]:
    """Return why a job (spelled as `translation` spells it) cannot run here; empty when it can."""
    if part(document, "recurrence", "schedule").get("months"):
        return ["recurrence.schedule.months: not supported; it would run in every month"]
    return []


def missing_secrets(document: Mapping[str, Any]) -> list[str]:
    """Return the paths of the secrets a job needs and does not have; a certificate may do without a password."""
    return [
        f"{path}.{field}"
        for path, holder, fields in secret_places(document)
        for field in fields
        if not holder.get(field) and not holder.get("pfx")
    ]


def secret_places(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Yield each object that holds secrets: its path, itself, the names of the secrets."""
    for path, action in actions(document):
        request = part(action, "request")
        if request.get(SIGNED) or request.get(SIGNING_SECRET):
            yield f"{path}.request", request, (SIGNING_SECRET,)
        if queue := part(action, "queueMessage"):
            yield f"{path}.queueMessage", queue, (QUEUE_SECRET,)
        if authentication := part(action, "request", "authentication"):
            fields = SECRETS.get(str(authentication.get("type")).lower(), ())
            yield f"{path}.request.authentication", authentication, fields
        for name in _BUS_MESSAGES:
            if authentication := part(action, name, "authentication"):
                yield f"{path}.{name}.authentication", authentication, (BUS_SECRET,)


def actions(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a job sends, with the paths: the main action, the one for errors, the cancel request."""
    yield "action", part(document, "action")
    yield "action.errorAction", part(document, "action", "errorAction")
    yield "maintenance.cancel", part(document, "maintenance", "cancel")
