"""From an MQTT message's document to its call: topics that may be published to, properties that MQTT 5 has."""

from collections.abc import Sequence
from datetime import timedelta

from services.scheduler.api.schemas.actions import MqttMessageDocument
from services.scheduler.api.schemas.ground import TEMPLATE, Ground
from services.scheduler.api.schemas.texts import check_bytes, check_line
from services.scheduler.api.schemas.values import Duration
from services.scheduler.domain.actions import MqttCall
from services.scheduler.errors import InvalidInputError

MAX_TOPIC_BYTES = 65_535
MAX_PAYLOAD_BYTES = 256 * 1024
_MAX_EXPIRY = timedelta(seconds=2**32 - 1)
_MAX_TEXT = 4096


def read_mqtt(document: MqttMessageDocument, written: str, field: str, ground: Ground) -> MqttCall:
    """Return the call of the message at JSON path `field`. Raises InvalidInputError."""
    _check_topic(document.topic, f"{field}.topic", ground)
    ground.check_template(document.topic, f"{field}.topic")
    if document.response_topic is not None:
        _check_topic(document.response_topic, f"{field}.responseTopic", ground)
    check_bytes(document.payload, f"{field}.payload", MAX_PAYLOAD_BYTES, "brokers take no more by default")
    qos = 1 if document.qos is None else document.qos
    if qos not in (0, 1, 2):
        raise InvalidInputError(f"{field}.qos", f"{qos} is none of 0, 1, 2")
    check_line(document.content_type, f"{field}.contentType", _MAX_TEXT)
    check_line(document.correlation_data, f"{field}.correlationData", _MAX_TEXT)
    for name, value in document.user_properties.items():
        check_line(name, f"{field}.userProperties.{name}", _MAX_TEXT)
        check_line(value or None, f"{field}.userProperties.{name}", _MAX_TEXT)
    return MqttCall(
        written=written,
        topic=document.topic,
        payload=document.payload,
        qos=qos,
        retain=bool(document.retain),
        content_type=document.content_type,
        response_topic=document.response_topic,
        correlation_data=document.correlation_data,
        expiry=_expiry(document.message_expiry, f"{field}.messageExpiry"),
        user_properties=document.user_properties,
    )


def _check_topic(topic: str, field: str, ground: Ground) -> None:
    check_line(topic, field, MAX_TOPIC_BYTES)
    check_bytes(topic, field, MAX_TOPIC_BYTES, "MQTT has no room for more")
    if "+" in topic or "#" in topic:
        raise InvalidInputError(field, "holds a wildcard; a message goes to one topic, without + and #")
    if topic.startswith("$"):
        raise InvalidInputError(field, "begins with $, which belongs to the broker")
    prefix = ground.author.topics.prefix
    if _may_reach(topic.split("/"), prefix.split("/")):
        raise InvalidInputError(field, f"lies below {prefix}, which is Leeward's own bus; choose another")


def _may_reach(levels: Sequence[str], prefix: Sequence[str]) -> bool:
    """Whether a topic lies below a prefix, whatever stands for `{host}` in it."""
    if len(levels) < len(prefix):
        return False
    return all(one == own or TEMPLATE.search(one) for one, own in zip(levels, prefix, strict=False))


def _expiry(expiry: Duration | None, field: str) -> timedelta | None:
    if expiry is None:
        return None
    if expiry.value < timedelta(seconds=1):
        raise InvalidInputError(field, "is too short: at least PT1S is needed")
    if expiry.value > _MAX_EXPIRY:
        raise InvalidInputError(field, f"is too long: at most {Duration(_MAX_EXPIRY)} is allowed")
    return expiry.value
