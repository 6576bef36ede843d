"""From a document of an action to its call: which kind it is, and that nothing else stands beside it."""

from services.scheduler.api.schemas.actions import CallDocument
from services.scheduler.api.schemas.bus_calls import read_bus
from services.scheduler.api.schemas.ground import Ground
from services.scheduler.api.schemas.http_calls import read_http
from services.scheduler.api.schemas.mqtt_calls import read_mqtt
from services.scheduler.api.schemas.storage_calls import read_storage
from services.scheduler.domain.actions import ActionKind, Call
from services.scheduler.domain.secret_fields import MESSAGES
from services.scheduler.errors import InvalidInputError


def read_call(document: CallDocument, field: str, ground: Ground) -> Call:
    """Return the call of the document at JSON path `field`, its secrets sealed.

    Raises InvalidInputError, and ConflictError for what the plan forbids.
    """
    given = {
        "request": document.request,
        "queueMessage": document.queue_message,
        "serviceBusQueueMessage": document.service_bus_queue_message,
        "serviceBusTopicMessage": document.service_bus_topic_message,
        "mqttMessage": document.mqtt_message,
    }
    chosen = _chosen(document, {name for name, message in given.items() if message is not None}, field, ground)
    path, kind = f"{field}.{chosen}", document.type
    written = kind.kept if kind else ""
    match chosen:
        case "queueMessage" if document.queue_message:
            return read_storage(document.queue_message, written, path, ground)
        case "serviceBusQueueMessage" if document.service_bus_queue_message:
            return read_bus(document.service_bus_queue_message, written, path, ground)
        case "serviceBusTopicMessage" if document.service_bus_topic_message:
            return read_bus(document.service_bus_topic_message, written, path, ground)
        case "mqttMessage" if document.mqtt_message:
            return read_mqtt(document.mqtt_message, written, path, ground)
        case _ if document.request:
            return read_http(document.request, kind, path, ground)
        case _:
            raise InvalidInputError(path, "is required")


def _chosen(document: CallDocument, given: set[str], field: str, ground: Ground) -> str:
    """Return the name of the message that the type asks for, or of the only one there is."""
    if document.type is None:
        if len(given) > 1:
            raise InvalidInputError(f"{field}.type", f"is required beside {' and '.join(sorted(given))}")
        return next(iter(given), "request")
    wanted = MESSAGES[document.type.kind]
    others = sorted(given - {wanted})
    if others and ground.strict:
        raise InvalidInputError(
            f"{field}.{others[0]}",
            f"goes with type {_kinds(others[0])}, not {document.type.kind}; leave one of them out",
        )
    return wanted


def _kinds(message: str) -> str:
    return " or ".join(kind for kind in ActionKind if MESSAGES[kind] == message)
