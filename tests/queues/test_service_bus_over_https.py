"""Service Bus actions over HTTPS, against a namespace that checks every signature."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.actions.service_bus import ServiceBusCaller
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.dispatch.actions.wires import MissingWire
from services.scheduler.domain.actions import ActionKind, BrokeredProperties, BusTransport, ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from shared.clock import Clock, SystemClock
from tests.parts.builders import NOON, host, occurrence
from tests.parts.certificates import Authority
from tests.parts.clocks import SteppedClock
from tests.parts.service_bus import EVERY_PROPERTY, KEY, KEY_NAME, Namespace, Refusal, namespace
from tests.parts.speaking import KEEPER, attempt, cancel, posts, text

ORDERS = ServiceBusCall(
    kind=ActionKind.SERVICE_BUS_QUEUE,
    namespace="space1",
    entity="orders",
    key_name=KEY_NAME,
    key=text(KEY),
    message="hällo",
)


@pytest.fixture
async def bus(authority: Authority) -> AsyncIterator[Namespace]:
    """A namespace."""
    async with namespace(authority) as running:
        yield running


@pytest.fixture
async def caller(bus: Namespace, authority: Authority, tmp_path: Path) -> AsyncIterator[ServiceBusCaller]:
    """The real speaker, pointed at it, which trusts its authority."""
    async with speaker(bus, Trust(authority.file(tmp_path))) as opened:
        yield opened


def speaker(bus: Namespace, trust: Trust, clock: Clock | None = None) -> ServiceBusCaller:
    """Return a speaker."""
    return ServiceBusCaller(
        posts(trust=trust),
        MissingWire(),
        https=Endpoint.read(bus.endpoint, "namespace", ("https",)),
        amqps=Endpoint.read("amqps://{namespace}.test", "namespace", ("amqps",)),
        keeper=KEEPER,
        clock=clock or SystemClock(),
    )


@pytest.mark.parametrize("error_action", [False, True])
async def test_a_message_arrives_with_a_signature_that_holds(
    caller: ServiceBusCaller, bus: Namespace, error_action: bool
) -> None:
    answer = await attempt(caller, ORDERS, error_action=error_action)
    assert answer.succeeded
    assert answer.message == "ServiceBusQueue Action - Message to queue 'orders' of namespace 'space1' succeeded."
    assert [(one.entity, one.body) for one in bus.taken] == [("orders", "hällo")]


async def test_a_topic_may_have_a_path(caller: ServiceBusCaller, bus: Namespace) -> None:
    answer = await attempt(caller, replace(ORDERS, kind=ActionKind.SERVICE_BUS_TOPIC, entity="topics/all"))
    assert answer.message == "ServiceBusTopic Action - Message to topic 'topics/all' of namespace 'space1' succeeded."
    assert bus.taken[0].entity == "topics/all"


async def test_brokered_properties_travel_by_azures_names(caller: ServiceBusCaller, bus: Namespace) -> None:
    assert (await attempt(caller, replace(ORDERS, brokered=EVERY_PROPERTY))).succeeded
    assert bus.taken[0].content_type == "application/json"
    assert bus.taken[0].broker == {
        "CorrelationId": "c-1",
        "ForcePersistence": True,
        "Label": "grüße",
        "MessageId": "m-1",
        "PartitionKey": "s",
        "ReplyTo": "answers",
        "ReplyToSessionId": "rs",
        "ScheduledEnqueueTimeUtc": "Mon, 02 Mar 2026 12:00:05 GMT",
        "SessionId": "s",
        "TimeToLive": 120,
        "To": "somebody",
        "ViaPartitionKey": "v",
    }


async def test_repeats_have_the_same_message_id_and_say_which_attempt_they_are(
    caller: ServiceBusCaller, bus: Namespace
) -> None:
    await attempt(caller, ORDERS, host=host("db-0"))
    told, message_id = bus.taken[0].headers, bus.taken[0].broker["MessageId"]
    assert message_id == occurrence().id
    assert told["webhook-id"] == f'"{message_id}"'
    assert (told["x-leeward-attempt"], told["x-leeward-job"]) == ('"2"', '"demo/job-1"')
    assert told["x-leeward-host"] == '"db-0"'


async def test_a_cancel_request_is_no_repeat_to_duplicate_detection(caller: ServiceBusCaller, bus: Namespace) -> None:
    sent: list[str] = []
    answer = await cancel(caller, replace(ORDERS, custom={"X-Leeward-Cancel": "no"}), on_sent=lambda: sent.append("it"))
    assert (answer.succeeded, sent) == (True, ["it"])
    told, message_id = bus.taken[0].headers, bus.taken[0].broker["MessageId"]
    assert message_id == f"{occurrence().id}-cancel"
    assert (told["x-leeward-cancel"], told["webhook-id"]) == ('"true"', f'"{occurrence().id}"')


async def test_properties_cannot_get_out_of_their_quotes(caller: ServiceBusCaller, bus: Namespace) -> None:
    nasty = 'x"\r\nAuthorization: other\r\n\r\nGET / HTTP/1.1'
    custom = {"Priority": "high", "nasty": nasty, "X-Leeward-Attempt": "99", "umlaut": "ä"}
    assert (await attempt(caller, replace(ORDERS, custom=custom))).succeeded
    told = bus.taken[0].headers
    assert (told["Priority"], told["umlaut"], told["x-leeward-attempt"]) == ('"high"', '"\\u00e4"', '"2"')
    assert told["nasty"] == '"x\\"\\r\\nAuthorization: other\\r\\n\\r\\nGET / HTTP/1.1"'
    assert len(bus.taken) == 1


@pytest.mark.parametrize("name", ["a b", "a:b", "x\r\ny", "Authorization", "brokerproperties", "Content-Length", "ä"])
async def test_a_property_that_can_be_no_header_field_is_a_final_failure(
    caller: ServiceBusCaller, bus: Namespace, name: str
) -> None:
    answer = await attempt(caller, replace(ORDERS, custom={name: "1"}))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "cannot travel over HTTPS" in answer.message
    assert bus.taken == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": text("another key")}, "401"),
        ({"key_name": "nobody"}, "401"),
        ({"entity": "nowhere"}, "The requested resource could not be found."),
        ({"entity": "orders/../admin"}, "can be no queue or topic"),
        ({"namespace": "evil.test/x"}, "can be no name here"),
        ({"transport": BusTransport.AMQP}, "install leeward[amqp]"),
        ({"brokered": BrokeredProperties(content_type="a\r\nb: c")}, "content type"),
    ],
)
async def test_what_cannot_succeed_is_a_final_failure(
    caller: ServiceBusCaller, bus: Namespace, change: dict[str, Any], why: str
) -> None:
    answer = await attempt(caller, replace(ORDERS, **change))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert why in answer.message
    assert (KEY in answer.message, bus.taken) == (False, [])


@pytest.mark.parametrize(
    ("refusal", "retryable"),
    [
        (Refusal(400), False),
        (Refusal(403, "The message is too large."), False),
        (Refusal(403, "Quota exceeded for the queue."), True),
        (Refusal(410), False),
        (Refusal(429), True),
        (Refusal(500), True),
        (Refusal(503, "Server busy."), True),
    ],
)
async def test_only_what_may_pass_is_tried_again(
    caller: ServiceBusCaller, bus: Namespace, refusal: Refusal, retryable: bool
) -> None:
    bus.refusal = replace(refusal, retry_after="12")
    answer = await attempt(caller, ORDERS)
    assert (answer.succeeded, answer.retryable, answer.retry_after) == (False, retryable, timedelta(seconds=12))
    assert f"failed: {refusal.status} " in answer.message
    assert answer.message.endswith(f": {refusal.detail}")


async def test_a_signature_ends(bus: Namespace, authority: Authority, tmp_path: Path) -> None:
    async with speaker(bus, Trust(authority.file(tmp_path)), SteppedClock.at(NOON)) as caller:
        answer = await attempt(caller, ORDERS)
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "ExpiredToken" in answer.message


async def test_a_namespace_that_nobody_vouches_for_gets_no_key(bus: Namespace) -> None:
    async with speaker(bus, Trust()) as caller:
        answer = await attempt(caller, ORDERS)
    assert (answer.succeeded, answer.retryable) == (False, True)
    assert "certificate was not accepted" in answer.message
    assert bus.taken == []
