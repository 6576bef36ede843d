"""The judge of what is said on the bus finds what is not as docs/asyncapi.yaml has it."""

from typing import Any

import msgspec
import pytest

from tests.parts.asyncapi import document, recorded
from tests.parts.bus_contract import Contract
from tests.parts.bus_recorder import Heard

DRAIN = Heard(
    topic="leeward/v1/hosts/db-0/drains/A",
    payload=msgspec.json.encode(recorded()["Drain"][0]["payload"]),
    qos=1,
    retain=True,
    content_type="application/json",
    is_utf8=True,
    expiry=None,
    response_topic=None,
    correlation=None,
    user_properties=(),
)


def judged(**otherwise: Any) -> list[str]:
    return Contract(document()).faults(msgspec.structs.replace(DRAIN, **otherwise))


def with_fields(**fields: object) -> bytes:
    return msgspec.json.encode({**recorded()["Drain"][0]["payload"], **fields})


def test_a_recorded_message_is_as_documented() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("otherwise", "fault"),
    [
        ({"qos": 0}, "QoS is 0"),
        ({"retain": False}, "retain is False"),
        ({"expiry": 60}, "expires is True"),
        ({"content_type": "text/plain"}, "content type is 'text/plain'"),
        ({"response_topic": "elsewhere"}, "responseTopic is True"),
        ({"user_properties": (("colour", "blue"),)}, "user properties is"),
        ({"payload": with_fields(running="one")}, "'one' is not of type 'integer'"),
        ({"payload": with_fields(at="2026-11-22T09:22:17")}, "is not a 'date-time'"),
        ({"payload": with_fields(colour="blue")}, "'colour' was unexpected"),
        ({"topic": "leeward/v1/weather"}, "is of the channels []"),
    ],
)
def test_what_is_otherwise_is_found(otherwise: dict[str, Any], fault: str) -> None:
    assert fault in "\n".join(judged(**otherwise))
