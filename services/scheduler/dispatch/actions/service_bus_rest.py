"""Service Bus over HTTPS (NetMessaging): one POST, properties in header fields.

https://learn.microsoft.com/rest/api/servicebus/send-message-to-queue
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

from services.scheduler.dispatch.actions.marks import beside
from services.scheduler.domain.actions import BrokeredProperties, ServiceBusCall
from services.scheduler.domain.headers import can_be_property

CONTENT_TYPE = "text/plain;charset=utf-8"
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


def address_of(namespace: str, entity: str) -> str:
    """Return the address of a queue or topic below a namespace's. Raises ValueError for what can be no path."""
    path = entity.strip("/")
    if not path or any(level in ("", ".", "..") for level in path.split("/")):
        raise ValueError(f"{entity!r} can be no queue or topic")
    return f"{namespace}/{quote(path, safe='/~')}"


def headers_of(call: ServiceBusCall, own: Mapping[str, str], message_id: str) -> dict[str, str]:
    """Return the header fields of a message, without authorization: the job's properties, then Leeward's, which win.

    Raises ValueError, naming the property, for what no header field can carry.
    """
    headers = {"Content-Type": _content_type(call.brokered.content_type)}
    for name, value in (*beside(own, call.custom).items(), *own.items()):
        # JSON in ASCII: neither quotes nor line ends of a value get out of their string.
        headers[_property_name(name)] = json.dumps(value)
    headers["BrokerProperties"] = json.dumps(broker_properties(call.brokered, message_id))
    return headers


def broker_properties(given: BrokeredProperties, message_id: str) -> dict[str, str | float | bool]:
    """Return what Service Bus itself understands, by Azure's names; `message_id` where the job gives none."""
    named: dict[str, str | float | bool | None] = {
        "CorrelationId": given.correlation_id,
        "ForcePersistence": given.force_persistence,
        "Label": given.label,
        "MessageId": given.message_id or message_id,
        "PartitionKey": given.partition_key,
        "ReplyTo": given.reply_to,
        "ReplyToSessionId": given.reply_to_session_id,
        "ScheduledEnqueueTimeUtc": _http_date(given.scheduled_enqueue_at),
        "SessionId": given.session_id,
        "TimeToLive": _seconds(given.time_to_live),
        "To": given.to,
        "ViaPartitionKey": given.via_partition_key,
    }
    return {name: value for name, value in named.items() if value is not None}


def _property_name(name: str) -> str:
    if not can_be_property(name):
        raise ValueError(
            f"the property {name!r} cannot travel over HTTPS, where it is a header field: "
            "name it otherwise, or choose the transport AMQP"
        )
    return name


def _content_type(given: str | None) -> str:
    if given is not None and _PRINTABLE.fullmatch(given) is None:
        raise ValueError("the content type must be printable ASCII to travel over HTTPS")
    return given or CONTENT_TYPE


def _http_date(when: datetime | None) -> str | None:
    return None if when is None else format_datetime(when, usegmt=True)


def _seconds(length: timedelta | None) -> float | None:
    if length is None:
        return None
    seconds = length.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
