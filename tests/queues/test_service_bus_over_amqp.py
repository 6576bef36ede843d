"""Service Bus actions over AMQP 1.0, against a RabbitMQ that speaks it; its management API reads the messages."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.actions.amqp.pool import AmqpPool
from services.scheduler.dispatch.actions.service_bus import ServiceBusCaller
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.domain.actions import ActionKind, BrokeredProperties, BusTransport, ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from shared.clock import SystemClock
from tests.parts.builders import occurrence
from tests.parts.certificates import Authority
from tests.parts.rabbitmq import PASSWORD, USER, RabbitMQ
from tests.parts.speaking import ANYWHERE, KEEPER, attempt, posts, text
from tests.parts.waiting import until


def pool_at(broker: RabbitMQ, trust: Trust, *, guard: TargetGuard = ANYWHERE, **more: Any) -> AmqpPool:
    """Return a pool of connections to the broker."""
    endpoint = Endpoint.read(broker.endpoint, "namespace", ("amqps",))
    return AmqpPool(guard, endpoint, trust.context(), SystemClock(), container="leeward-test", **more)


def speaker(broker: RabbitMQ, pool: AmqpPool) -> ServiceBusCaller:
    """Return a speaker that uses a pool."""
    return ServiceBusCaller(
        posts(),
        pool,
        https=Endpoint.read("https://{namespace}.test", "namespace", ("https",)),
        amqps=Endpoint.read(broker.endpoint, "namespace", ("amqps",)),
        keeper=KEEPER,
        clock=SystemClock(),
    )


@pytest.fixture
def trust(authority: Authority, tmp_path: Path) -> Trust:
    """Trust in the broker's authority."""
    return Trust(authority.file(tmp_path))


@pytest.fixture
def pool(rabbitmq: RabbitMQ, trust: Trust) -> AmqpPool:
    """The connections of the speaker."""
    return pool_at(rabbitmq, trust)


@pytest.fixture
async def caller(rabbitmq: RabbitMQ, pool: AmqpPool) -> AsyncIterator[ServiceBusCaller]:
    """The real speaker, pointed at the broker."""
    async with speaker(rabbitmq, pool) as opened:
        yield opened


@pytest.fixture
async def queue(rabbitmq: RabbitMQ) -> str:
    """A queue of the test's own."""
    name = f"queue-{uuid4().hex}"
    await rabbitmq.declare(name)
    return name


def to(queue: str, **more: Any) -> ServiceBusCall:
    """Return a call that sends to one of RabbitMQ's queues, by its spelling of them."""
    fields: dict[str, Any] = {"entity": f"/amq/queue/{queue}", "key_name": USER, "key": text(PASSWORD), **more}
    return ServiceBusCall(
        kind=ActionKind.SERVICE_BUS_QUEUE,
        namespace="space1",
        transport=BusTransport.AMQP,
        message=fields.pop("message", "hällo"),
        **fields,
    )


@pytest.mark.parametrize("error_action", [False, True])
async def test_a_message_arrives(caller: ServiceBusCaller, rabbitmq: RabbitMQ, queue: str, error_action: bool) -> None:
    brokered = BrokeredProperties(content_type="text/plain", correlation_id="c-1", force_persistence=True)
    answer = await attempt(caller, to(queue, brokered=brokered), error_action=error_action)
    assert answer.message == (
        f"ServiceBusQueue Action - Message to queue '/amq/queue/{queue}' of namespace 'space1' succeeded."
    )
    [message] = await rabbitmq.take(queue)
    told = message["properties"]
    assert (answer.succeeded, message["payload"]) == (True, "hällo")
    assert (told["message_id"], told["correlation_id"], told["content_type"]) == (occurrence().id, "c-1", "text/plain")
    assert told["delivery_mode"] == 2


async def test_many_messages_share_one_connection(
    caller: ServiceBusCaller, rabbitmq: RabbitMQ, pool: AmqpPool, queue: str
) -> None:
    answers = await asyncio.gather(*(attempt(caller, to(queue, message=str(number))) for number in range(300)))
    assert all(answer.succeeded for answer in answers)
    taken = {message["payload"] for _ in range(30) for message in await rabbitmq.take(queue)}
    assert (len(pool), taken) == (1, {str(number) for number in range(300)})


async def test_a_message_larger_than_frames_and_buffers_arrives_whole(
    caller: ServiceBusCaller, rabbitmq: RabbitMQ, queue: str
) -> None:
    message = "0123456789" * 15_000
    assert (await attempt(caller, to(queue, message=message))).succeeded
    assert [found["payload"] for found in await rabbitmq.take(queue)] == [message]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"entity": "/exchange/nowhere/x"}, "amqp:not-found: NOT_FOUND - no exchange 'nowhere'"),
        ({"key": text("another key")}, "amqp:unauthorized-access"),
        ({"key_name": "nobody"}, "amqp:unauthorized-access"),
        ({"message": "x" * 250_000}, "amqp:precondition-failed"),
        ({"namespace": "evil.test/x"}, "can be no name here"),
    ],
)
async def test_what_cannot_succeed_is_a_final_failure(
    caller: ServiceBusCaller, queue: str, change: dict[str, Any], why: str
) -> None:
    answer = await attempt(caller, replace(to(queue), **change))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert why in answer.message
    assert PASSWORD not in answer.message


async def test_one_jobs_mistake_does_not_touch_the_others(caller: ServiceBusCaller, queue: str) -> None:
    wrong = to(queue, entity="/exchange/nowhere/x")
    answers = await asyncio.gather(*(attempt(caller, call) for call in [to(queue), wrong] * 20))
    assert [answer.succeeded for answer in answers] == [True, False] * 20


async def test_another_key_gets_a_connection_of_its_own(caller: ServiceBusCaller, pool: AmqpPool, queue: str) -> None:
    assert (await attempt(caller, to(queue))).succeeded
    assert not (await attempt(caller, to(queue, key=text("stolen")))).succeeded
    assert (await attempt(caller, to(queue))).succeeded


async def test_a_connection_that_was_cut_is_opened_again(
    caller: ServiceBusCaller, rabbitmq: RabbitMQ, pool: AmqpPool, queue: str
) -> None:
    assert (await attempt(caller, to(queue))).succeeded
    await until(lambda: _is_known(rabbitmq))
    await rabbitmq.cut()
    answer = await attempt(caller, to(queue))
    assert answer.succeeded or (answer.retryable and "connection" in answer.message)
    assert (await attempt(caller, to(queue))).succeeded


async def _is_known(rabbitmq: RabbitMQ) -> bool:
    return bool(await rabbitmq.connections())


async def test_a_connection_is_ended_when_it_is_not_used(rabbitmq: RabbitMQ, trust: Trust, queue: str) -> None:
    pool = pool_at(rabbitmq, trust, idle_seconds=0.2)

    async def is_empty() -> bool:
        return len(pool) == 0

    async with speaker(rabbitmq, pool) as caller:
        assert (await attempt(caller, to(queue))).succeeded
        assert len(pool) == 1
        await until(is_empty)
        assert (await attempt(caller, to(queue))).succeeded


async def test_the_connection_used_longest_ago_makes_way(rabbitmq: RabbitMQ, trust: Trust, queue: str) -> None:
    pool = pool_at(rabbitmq, trust, connections=1)
    async with speaker(rabbitmq, pool) as caller:
        assert (await attempt(caller, to(queue))).succeeded
        assert "unauthorized" in (await attempt(caller, to(queue, key=text("other")))).message
        assert len(pool) == 1
        assert (await attempt(caller, to(queue))).succeeded


async def test_a_broker_that_may_not_be_reached_gets_no_key(rabbitmq: RabbitMQ, trust: Trust, queue: str) -> None:
    pool = pool_at(rabbitmq, trust, guard=TargetGuard(deny=("127.0.0.0/8", "::1/128"), allow=()))
    async with speaker(rabbitmq, pool) as caller:
        answer = await attempt(caller, to(queue))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "denied" in answer.message


async def test_a_broker_that_nobody_vouches_for_gets_no_key(rabbitmq: RabbitMQ, queue: str) -> None:
    pool = pool_at(rabbitmq, Trust())
    async with speaker(rabbitmq, pool) as caller:
        answer = await attempt(caller, to(queue))
    assert (answer.succeeded, answer.retryable) == (False, True)
    assert "certificate" in answer.message


async def test_a_broker_that_is_away_is_tried_again(rabbitmq: RabbitMQ, trust: Trust, queue: str) -> None:
    endpoint = Endpoint.read("amqps://127.0.0.1:1", "namespace", ("amqps",))
    pool = AmqpPool(ANYWHERE, endpoint, trust.context(), SystemClock(), container="leeward-test")
    async with speaker(rabbitmq, pool) as caller:
        answer = await attempt(caller, to(queue))
    assert (answer.succeeded, answer.retryable) == (False, True)
    assert "cannot connect to 127.0.0.1:1" in answer.message
