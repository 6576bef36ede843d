"""MQTT actions against a real broker: what arrives, and what no job may say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.actions.mqtt import MqttCaller
from services.scheduler.domain.actions import MqttCall
from services.scheduler.domain.trace_context import traceparent
from shared.bus import BusSettings, Publisher
from shared.topics import Topics
from tests.parts.builders import host, occurrence
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.speaking import attempt, cancel

HELLO = MqttCall(topic="plant/1/tick", payload="hällo")


def speaker(url: str) -> MqttCaller:
    """Return a speaker for a broker."""
    return MqttCaller(Publisher(BusSettings(url=url), client_id="leeward-actions-test"), Topics())


@pytest.fixture
async def caller(mosquitto: Mosquitto) -> AsyncIterator[MqttCaller]:
    """The real speaker."""
    async with speaker(mosquitto.url) as opened:
        yield opened


@pytest.fixture
async def reader(mosquitto: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    """Somebody who hears everything."""
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("#", qos=2)
        yield client


async def first(reader: aiomqtt.Client) -> aiomqtt.Message:
    """Return the next message."""
    return await asyncio.wait_for(anext(aiter(reader.messages)), 10)


def told(message: aiomqtt.Message) -> Any:
    """Return a message's properties."""
    assert message.properties is not None
    return message.properties


@pytest.mark.parametrize("error_action", [False, True])
async def test_a_message_arrives_and_says_which_occurrence_and_attempt_it_is(
    caller: MqttCaller, reader: aiomqtt.Client, error_action: bool
) -> None:
    answer = await attempt(caller, HELLO, error_action=error_action)
    assert (answer.succeeded, answer.message) == (True, "Mqtt Action - Message to topic 'plant/1/tick' succeeded.")
    message = await first(reader)
    assert (str(message.topic), message.payload, message.qos) == ("plant/1/tick", "hällo".encode(), 1)
    marks = dict(told(message).UserProperty)
    assert (marks["webhook-id"], marks["x-leeward-attempt"]) == (occurrence().id, "2")
    assert (marks["x-leeward-job"], marks["x-leeward-scheduled-time"]) == ("demo/job-1", "2026-03-02T12:00:00.000Z")
    assert marks["traceparent"][:35] == traceparent(occurrence())[:35]


async def test_a_cancel_request_says_that_it_is_one_and_no_other_message_can(
    caller: MqttCaller, reader: aiomqtt.Client
) -> None:
    sent: list[str] = []
    assert (await cancel(caller, HELLO, on_sent=lambda: sent.append("it"))).succeeded
    marks = dict(told(await first(reader)).UserProperty)
    assert (marks["webhook-id"], marks["x-leeward-attempt"]) == (occurrence().id, "2")
    assert (marks["x-leeward-cancel"], sent) == ("true", ["it"])
    assert (await attempt(caller, replace(HELLO, user_properties={"X-Leeward-Cancel": "true"}))).succeeded
    assert "cancel" not in str(told(await first(reader)).UserProperty).lower()


async def test_every_property_of_mqtt_5_arrives(caller: MqttCaller, reader: aiomqtt.Client) -> None:
    call = replace(
        HELLO,
        qos=2,
        content_type="text/plain",
        response_topic="plant/answers",
        correlation_data="c-1",
        expiry=timedelta(minutes=5),
        user_properties={"line": "7", "Webhook-Id": "forged"},
    )
    assert (await attempt(caller, call)).succeeded
    message = await first(reader)
    properties = told(message)
    assert (message.qos, properties.ContentType, properties.ResponseTopic) == (2, "text/plain", "plant/answers")
    assert properties.CorrelationData == b"c-1"
    assert 290 < properties.MessageExpiryInterval <= 300
    assert [pair for pair in properties.UserProperty if pair[0].lower() in ("line", "webhook-id")] == [
        ("line", "7"),
        ("webhook-id", occurrence().id),
    ]


async def test_host_and_hostname_are_filled_in(caller: MqttCaller, reader: aiomqtt.Client) -> None:
    call = replace(HELLO, topic="plant/{hostname}", payload="{host} {hostname}")
    assert (await attempt(caller, call, host=host("db-0", addresses=("10.0.0.4",)))).succeeded
    message = await first(reader)
    assert (str(message.topic), message.payload) == ("plant/db-0", b"10.0.0.4 db-0")
    assert ("x-leeward-host", "db-0") in told(message).UserProperty


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"topic": "leeward/v1"}, "are Leeward's own"),
        ({"topic": "leeward/v1/hosts/db-0/events"}, "are Leeward's own"),
        ({"topic": "{hostname}/hosts/db-0/events"}, "are Leeward's own"),
        ({"response_topic": "leeward/v1/hosts/db-0/commands/approve"}, "are Leeward's own"),
        ({"topic": "$SYS/broker"}, "belong to the broker"),
        ({"topic": "plant/+"}, "without wildcards"),
        ({"topic": "#"}, "without wildcards"),
        ({"topic": ""}, "without wildcards"),
        ({"topic": "plant/\x00"}, "without wildcards"),
        ({"topic": "plant/\ufffe"}, "without wildcards"),
        ({"topic": "x" * 65536}, "without wildcards"),
        ({"content_type": "a\x07"}, "control characters"),
        ({"user_properties": {"a\n": "b"}}, "control characters"),
        ({"user_properties": {"a": "b\x9f"}}, "control characters"),
        ({"payload": "x" * 300_000}, "exceed 262144"),
    ],
)
async def test_what_no_job_may_say_is_a_final_failure(
    caller: MqttCaller, reader: aiomqtt.Client, change: dict[str, Any], why: str
) -> None:
    answer = await attempt(caller, replace(HELLO, **change), host=host("leeward/v1"))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert why in answer.message
    assert (await attempt(caller, HELLO)).succeeded
    assert str((await first(reader)).topic) == "plant/1/tick"


@pytest.mark.parametrize("topic", ["Leeward/v1/x", "leeward/v10", "leeward", "/leeward/v1/x"])
async def test_topics_beside_leewards_are_anybodys(caller: MqttCaller, reader: aiomqtt.Client, topic: str) -> None:
    assert (await attempt(caller, replace(HELLO, topic=topic))).succeeded
    assert str((await first(reader)).topic) == topic


@pytest.mark.parametrize("qos", [1, 2])
async def test_what_the_shipped_access_list_denies_to_jobs_is_a_final_failure(tmp_path: Path, qos: int) -> None:
    async with ShippedBroker(tmp_path) as broker:
        publisher = Publisher(broker.settings("leeward-actions"), client_id="leeward-actions-test")
        # With another prefix the wall in Leeward stands elsewhere: the broker's own still holds.
        async with MqttCaller(publisher, Topics("other")) as caller:
            answer = await attempt(caller, replace(HELLO, topic="leeward/v1/hosts/db-0/events", qos=qos))
            assert (answer.succeeded, answer.retryable) == (False, False)
            assert answer.message.endswith("failed: refused by the broker: Not authorized")
            assert (await attempt(caller, HELLO)).succeeded


async def test_a_broker_that_is_away_is_tried_again() -> None:
    async with speaker(f"mqtt://127.0.0.1:{free_port()}") as caller:
        answer = await attempt(caller, HELLO)
    assert (answer.succeeded, answer.retryable) == (False, True)
    assert "no connection to the broker at 127.0.0.1" in answer.message
