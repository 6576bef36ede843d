"""From a Service Bus message's document to its call: names that are nothing but names, properties that can travel."""

import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.api.schemas.actions import (
    BrokeredPropertiesDocument,
    BusAuthenticationDocument,
    BusQueueMessageDocument,
    BusTopicMessageDocument,
)
from services.scheduler.api.schemas.ground import UNSEALED, Ground
from services.scheduler.api.schemas.texts import check_bytes, check_line, check_shape, need_line
from services.scheduler.api.schemas.timing import instant
from services.scheduler.api.schemas.values import Lifetime
from services.scheduler.domain.actions import ActionKind, BrokeredProperties, BusTransport, ServiceBusCall
from services.scheduler.domain.headers import can_be_property
from services.scheduler.errors import InvalidInputError

MAX_MESSAGE_BYTES = 256 * 1024
"""What the plan Standard of Service Bus takes."""

_NAMESPACE = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_ENTITY = re.compile(r"(?=.{1,260}\Z)[A-Za-z0-9_][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_][A-Za-z0-9._~-]*)*")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
_NO_AMQP = "AMQP takes the extra `amqp` (pip install leeward[amqp]), which this scheduler lacks; give NetMessaging"
_MAX_NAME = 128
_MAX_PROPERTY = 4096


def read_bus(
    document: BusQueueMessageDocument | BusTopicMessageDocument, written: str, field: str, ground: Ground
) -> ServiceBusCall:
    """Return the call of the message at JSON path `field`, its key sealed. Raises InvalidInputError."""
    kind, entity = _entity(document, field)
    check_shape(
        document.namespace,
        f"{field}.namespace",
        _NAMESPACE,
        "is no namespace: up to 50 letters, digits and hyphens, its first name alone, without .servicebus.windows.net",
    )
    check_bytes(document.message, f"{field}.message", MAX_MESSAGE_BYTES, "Service Bus takes no more")
    transport = BusTransport((document.transport_type or BusTransport.NOT_SPECIFIED).value)
    if transport is BusTransport.AMQP and not ground.author.speaks_amqp:
        raise InvalidInputError(f"{field}.transportType", _NO_AMQP)
    _check_custom(document.custom_message_properties, transport, f"{field}.customMessageProperties")
    call = ServiceBusCall(
        kind=kind,
        written=written,
        namespace=document.namespace,
        entity=entity,
        transport=transport,
        key_name=_key_name(document.authentication, f"{field}.authentication.sasKeyName"),
        key=UNSEALED,
        message=document.message,
        custom=document.custom_message_properties,
        brokered=_brokered(document.brokered_message_properties, f"{field}.brokeredMessageProperties", ground),
    )
    key = document.authentication.sas_key if document.authentication else None
    return replace(call, key=ground.need(key, f"{field}.authentication.sasKey", call))


def _entity(document: BusQueueMessageDocument | BusTopicMessageDocument, field: str) -> tuple[ActionKind, str]:
    rule = "has up to 260 letters, digits and . - _ ~ in levels with / between, which begin with a letter or digit"
    if isinstance(document, BusQueueMessageDocument):
        check_shape(document.queue_name, f"{field}.queueName", _ENTITY, rule)
        return ActionKind.SERVICE_BUS_QUEUE, document.queue_name
    check_shape(document.topic_path, f"{field}.topicPath", _ENTITY, rule)
    return ActionKind.SERVICE_BUS_TOPIC, document.topic_path


def _key_name(document: BusAuthenticationDocument | None, field: str) -> str:
    name = need_line(document.sas_key_name if document else None, field)
    check_shape(name, field, _KEY_NAME, "is no name of a key: letters, digits and . - _")
    return name


def _check_custom(properties: dict[str, str], transport: BusTransport, field: str) -> None:
    for name, value in properties.items():
        path = f"{field}.{name}"
        check_line(name, path, _MAX_NAME)
        if len(value) > _MAX_PROPERTY:
            raise InvalidInputError(path, f"has {len(value)} characters; at most {_MAX_PROPERTY} are allowed")
        if transport is BusTransport.AMQP:
            continue
        if not can_be_property(name):
            raise InvalidInputError(path, "cannot be a header field, which it is over HTTPS; use transportType AMQP")


def _brokered(document: BrokeredPropertiesDocument | None, field: str, ground: Ground) -> BrokeredProperties:
    if document is None:
        return BrokeredProperties()
    _check_texts(document, field)
    return BrokeredProperties(
        content_type=document.content_type,
        correlation_id=document.correlation_id,
        force_persistence=document.force_persistence,
        label=document.label,
        message_id=document.message_id,
        partition_key=document.partition_key,
        reply_to=document.reply_to,
        reply_to_session_id=document.reply_to_session_id,
        scheduled_enqueue_at=instant(document.scheduled_enqueue_time_utc, None, f"{field}.scheduledEnqueueTimeUtc"),
        session_id=document.session_id,
        time_to_live=_time_to_live(document.time_to_live, f"{field}.timeToLive", ground.author.now),
        to=document.to,
        via_partition_key=document.via_partition_key,
    )


def _check_texts(document: BrokeredPropertiesDocument, field: str) -> None:
    for name, text, most in (
        ("contentType", document.content_type, _MAX_NAME),
        ("correlationId", document.correlation_id, _MAX_NAME),
        ("label", document.label, _MAX_NAME),
        ("messageId", document.message_id, _MAX_NAME),
        ("partitionKey", document.partition_key, _MAX_NAME),
        ("replyTo", document.reply_to, _MAX_PROPERTY),
        ("replyToSessionId", document.reply_to_session_id, _MAX_NAME),
        ("sessionId", document.session_id, _MAX_NAME),
        ("to", document.to, _MAX_PROPERTY),
        ("viaPartitionKey", document.via_partition_key, _MAX_NAME),
    ):
        check_line(text, f"{field}.{name}", most)
    if document.content_type is not None and not document.content_type.isascii():
        raise InvalidInputError(f"{field}.contentType", "must be ASCII, as a media type is")
    session, partition = document.session_id, document.partition_key
    if None not in (session, partition) and session != partition:
        raise InvalidInputError(f"{field}.partitionKey", "must be the sessionId where both are given")


def _time_to_live(given: Lifetime | None, field: str, now: datetime) -> timedelta | None:
    if given is None:
        return None
    length = given.value if given.until is None else given.until - now
    if length <= timedelta(0):
        raise InvalidInputError(field, "must be longer than nothing" if given.until is None else "lies in the past")
    return length
