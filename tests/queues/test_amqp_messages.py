"""Messages in AMQP's form, read by Microsoft's own client of Service Bus."""

from datetime import timedelta

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp._decode import decode_payload
from msgspec.structs import replace

from services.scheduler.dispatch.actions.amqp.message import encode
from services.scheduler.domain.actions import ActionKind, BrokeredProperties, ServiceBusCall
from tests.parts.builders import NOON
from tests.parts.service_bus import EVERY_PROPERTY
from tests.parts.speaking import text

CALL = ServiceBusCall(
    kind=ActionKind.SERVICE_BUS_QUEUE,
    namespace="space1",
    entity="orders",
    key_name="send",
    key=text("key"),
    message="hällo",
)
OWN = {"webhook-id": "occurrence-1", "x-leeward-attempt": "2"}


def read(call: ServiceBusCall) -> ServiceBusReceivedMessage:
    """Return a message as Microsoft's client shows it."""
    decoded = decode_payload(memoryview(encode(call, OWN, "occurrence-1", NOON)))
    return ServiceBusReceivedMessage(decoded, receiver=None)


def test_a_plain_message_has_its_text_and_the_occurrences_id() -> None:
    message = read(CALL)
    assert (str(message), message.message_id) == ("hällo", "occurrence-1")
    assert message.application_properties == {b"webhook-id": b"occurrence-1", b"x-leeward-attempt": b"2"}
    assert (message.time_to_live, message.subject, message.session_id) == (None, None, None)


def test_each_brokered_property_has_its_place() -> None:
    message = read(replace(CALL, brokered=EVERY_PROPERTY))
    assert (message.content_type, message.correlation_id, message.message_id) == ("application/json", "c-1", "m-1")
    assert (message.subject, message.to, message.reply_to) == ("grüße", "somebody", "answers")
    assert (message.session_id, message.reply_to_session_id, message.partition_key) == ("s", "rs", "s")
    assert message.scheduled_enqueue_time_utc == EVERY_PROPERTY.scheduled_enqueue_at
    assert message.time_to_live == timedelta(minutes=2)
    raw = message.raw_amqp_message
    assert raw.header is not None
    assert raw.annotations is not None
    assert (raw.header.durable, raw.annotations[b"x-opt-via-partition-key"]) == (True, b"v")


def test_a_life_longer_than_the_header_can_say_is_told_by_its_end() -> None:
    message = read(replace(CALL, brokered=BrokeredProperties(time_to_live=timedelta(days=100))))
    properties = message.raw_amqp_message.properties
    assert properties is not None
    end = NOON + timedelta(days=100)
    assert properties.absolute_expiry_time == int(end.timestamp() * 1000)


def test_a_job_cannot_speak_for_leeward_in_its_properties() -> None:
    custom = {"priority": "high", "X-Leeward-Attempt": "99"}
    properties = read(replace(CALL, custom=custom)).application_properties
    assert properties == {b"priority": b"high", b"webhook-id": b"occurrence-1", b"x-leeward-attempt": b"2"}
