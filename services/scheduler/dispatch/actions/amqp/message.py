"""A Service Bus message in AMQP 1.0's form.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#messages
"""

from datetime import datetime, timedelta

from proton import AnnotationDict, Message, symbol, timestamp

from services.scheduler.dispatch.actions.marks import beside
from services.scheduler.domain.actions import BrokeredProperties, ServiceBusCall

_LONGEST_TTL = timedelta(milliseconds=0xFFFFFFFF)
"""The header holds no more (32 bits of milliseconds); what is longer is told by the expiry time alone."""


def encode(call: ServiceBusCall, own: dict[str, str], message_id: str, created: datetime) -> bytes:
    """Return a message as bytes: the job's properties, then Leeward's `own`, which win.

    Raises ValueError for text that UTF-8 cannot hold.
    """
    given = call.brokered
    message = Message(
        body=call.message.encode(),
        inferred=True,  # bytes are a data section: what Azure's clients show as the body
        id=given.message_id or message_id,
        durable=bool(given.force_persistence),
        creation_time=created.timestamp(),
        annotations=_annotations(given),
        properties={**beside(own, call.custom), **own},
    )
    _set_properties(message, given)
    _set_life(message, given.time_to_live, created)
    return bytes(message.encode())


def _set_properties(message: Message, given: BrokeredProperties) -> None:
    if given.content_type is not None:
        message.content_type = given.content_type
    if given.correlation_id is not None:
        message.correlation_id = given.correlation_id
    if given.label is not None:
        message.subject = given.label
    if given.reply_to is not None:
        message.reply_to = given.reply_to
    if given.reply_to_session_id is not None:
        message.reply_to_group_id = given.reply_to_session_id
    if given.session_id is not None:
        message.group_id = given.session_id
    if given.to is not None:
        message.address = given.to


def _set_life(message: Message, length: timedelta | None, created: datetime) -> None:
    if length is not None:
        message.ttl = min(length, _LONGEST_TTL).total_seconds()
        message.expiry_time = (created + length).timestamp()


def _annotations(given: BrokeredProperties) -> AnnotationDict:
    found = AnnotationDict()
    if given.partition_key is not None:
        found[symbol("x-opt-partition-key")] = given.partition_key
    if given.via_partition_key is not None:
        found[symbol("x-opt-via-partition-key")] = given.via_partition_key
    if given.scheduled_enqueue_at is not None:
        milliseconds = round(given.scheduled_enqueue_at.timestamp() * 1000)
        found[symbol("x-opt-scheduled-enqueue-time")] = timestamp(milliseconds)
    return found
