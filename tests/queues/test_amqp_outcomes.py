"""What a peer may do with a message over AMQP, and what each comes to."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from proton import Condition, Delivery

from services.scheduler.dispatch.actions.amqp.engine import IDLE_SECONDS, LINES, Engine
from services.scheduler.dispatch.actions.amqp.pool import AmqpPool
from services.scheduler.dispatch.actions.service_bus import ServiceBusCaller
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import ActionKind, BusTransport, ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from shared.clock import SystemClock
from tests.parts.amqp_peer import Behaviour, Peer, PeerServer, accept, amqp_peer
from tests.parts.speaking import ANYWHERE, KEEPER, attempt, cancel, posts, text
from tests.parts.waiting import until

CALL = ServiceBusCall(
    kind=ActionKind.SERVICE_BUS_TOPIC,
    namespace="space1",
    entity="orders",
    transport=BusTransport.AMQP,
    key_name="send",
    key=text("the-key"),
    message="hello",
)


@pytest.fixture
async def server() -> AsyncIterator[PeerServer]:
    """A peer."""
    async with amqp_peer() as running:
        yield running


@pytest.fixture
def amqps(server: PeerServer) -> Endpoint:
    """Where it is."""
    return Endpoint.read(server.endpoint, "namespace", ("amqps", "amqp"))


@pytest.fixture
def pool(amqps: Endpoint) -> AmqpPool:
    """The connections of the speaker."""
    return AmqpPool(ANYWHERE, amqps, Trust().context(), SystemClock(), container="leeward-test")


@pytest.fixture
async def caller(amqps: Endpoint, pool: AmqpPool) -> AsyncIterator[ServiceBusCaller]:
    """The real speaker, pointed at it."""
    https = Endpoint.read("https://{namespace}.test", "namespace", ("https",))
    caller = ServiceBusCaller(posts(), pool, https=https, amqps=amqps, keeper=KEEPER, clock=SystemClock())
    async with caller:
        yield caller


def reject(condition: str) -> Behaviour:
    """Return a behaviour that rejects with a condition."""

    def behave(_peer: Peer, delivery: Delivery) -> None:
        delivery.local.condition = Condition(condition, "because of the-key\nand more")
        delivery.update(Delivery.REJECTED)
        delivery.settle()

    return behave


def give_back(_peer: Peer, delivery: Delivery) -> None:
    delivery.update(Delivery.RELEASED)
    delivery.settle()


def modify(_peer: Peer, delivery: Delivery) -> None:
    delivery.local.failed = True
    delivery.update(Delivery.MODIFIED)
    delivery.settle()


def hang_up(peer: Peer, _delivery: Delivery) -> None:
    peer.socket.abort()


def end_connection(peer: Peer, _delivery: Delivery) -> None:
    peer.connection.condition = Condition("amqp:connection:forced", "the container is idle")
    peer.connection.close()


def detach(peer: Peer, delivery: Delivery) -> None:
    delivery.link.condition = Condition("amqp:link:detach-forced", "the link is idle")
    delivery.link.close()


async def outcome(caller: ServiceBusCaller, server: PeerServer, behaviour: Behaviour) -> Answer:
    server.behaviour = behaviour
    answer = await attempt(caller, CALL)
    server.behaviour = accept
    assert (await attempt(caller, CALL)).succeeded
    return answer


@pytest.mark.parametrize(
    ("condition", "retryable"),
    [
        ("amqp:not-found", False),
        ("amqp:unauthorized-access", False),
        ("amqp:link:message-size-exceeded", False),
        ("com.microsoft:entity-disabled", False),
        ("com.microsoft:argument-error", False),
        ("amqp:internal-error", True),
        ("amqp:resource-limit-exceeded", True),
        ("com.microsoft:server-busy", True),
        ("com.microsoft:timeout", True),
        ("com.microsoft:never-heard-of", True),
    ],
)
async def test_a_rejection_is_final_or_not_by_its_condition(
    caller: ServiceBusCaller, server: PeerServer, condition: str, retryable: bool
) -> None:
    answer = await outcome(caller, server, reject(condition))
    assert (answer.succeeded, answer.retryable) == (False, retryable)
    assert condition in answer.message
    assert "the-key" not in answer.message


@pytest.mark.parametrize("behaviour", [give_back, modify, hang_up, end_connection, detach])
async def test_what_nobody_has_taken_is_tried_again(
    caller: ServiceBusCaller, server: PeerServer, behaviour: Behaviour
) -> None:
    answer = await outcome(caller, server, behaviour)
    assert (answer.succeeded, answer.retryable) == (False, True)


async def test_a_message_over_a_connection_that_was_already_dead_is_unheard(
    caller: ServiceBusCaller, pool: AmqpPool, server: PeerServer
) -> None:
    async def is_written() -> bool:
        return any(not task.result().is_idle for task in pool._open.values())

    assert (await attempt(caller, CALL)).succeeded
    server.is_deaf = True
    waiting = asyncio.create_task(attempt(caller, CALL))
    await until(is_written)
    server.peers[0].socket.abort()
    answer = await waiting
    assert (answer.succeeded, answer.retryable, answer.unheard) == (False, True, True)


async def test_an_entity_that_refuses_links_is_told_by_its_condition(
    caller: ServiceBusCaller, server: PeerServer
) -> None:
    server.refusal = Condition("amqp:not-found", "The messaging entity 'orders' could not be found.")
    answer = await attempt(caller, CALL)
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert answer.message == (
        "ServiceBusTopic Action - Message to topic 'orders' of namespace 'space1' failed: "
        "amqp:not-found: The messaging entity 'orders' could not be found."
    )


async def test_a_message_that_is_too_large_is_not_sent_and_harms_nobody(
    caller: ServiceBusCaller, server: PeerServer
) -> None:
    server.largest = 2000
    calls = [CALL, replace(CALL, message="x" * 3000), CALL]
    answers = await asyncio.gather(*(attempt(caller, call) for call in calls))
    assert [answer.succeeded for answer in answers] == [True, False, True]
    assert (answers[1].retryable, server.messages) == (False, 2)
    assert "takes 2000 at the most" in answers[1].message


async def test_a_link_that_ends_under_several_messages_blames_none_of_them(
    caller: ServiceBusCaller, server: PeerServer
) -> None:
    def end_link(_peer: Peer, delivery: Delivery) -> None:
        delivery.link.condition = Condition("amqp:link:message-size-exceeded", "too large")
        delivery.link.close()

    assert (await attempt(caller, CALL)).succeeded
    server.behaviour = end_link
    answers = await asyncio.gather(*(attempt(caller, CALL) for _ in range(3)))
    assert [(answer.succeeded, answer.retryable) for answer in answers] == [(False, True)] * 3


async def test_links_that_are_not_used_make_way(caller: ServiceBusCaller, server: PeerServer) -> None:
    for number in range(LINES + 20):
        assert (await attempt(caller, replace(CALL, entity=f"orders/{number}"))).succeeded
    [peer] = server.peers
    await until(lambda: _has_links(peer, LINES))


async def _has_links(peer: Peer, number: int) -> bool:
    return peer.links == number


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"AMQP\x00\x01\x00\x00"])
async def test_a_peer_that_speaks_something_else_is_tried_again(
    caller: ServiceBusCaller, server: PeerServer, nonsense: bytes
) -> None:
    server.nonsense = nonsense
    answer = await attempt(caller, CALL)
    assert (answer.succeeded, answer.retryable) == (False, True)


@pytest.mark.parametrize(("outcome", "retryable"), [(1, False), (2, True), (3, False), (4, True)])
async def test_a_peer_that_lets_nobody_in_is_final_unless_it_is_its_own_trouble(
    caller: ServiceBusCaller, server: PeerServer, outcome: int, retryable: bool
) -> None:
    server.sasl_outcome = outcome
    answer = await attempt(caller, CALL)
    assert (answer.succeeded, answer.retryable) == (False, retryable)
    assert server.messages == 0


async def test_a_message_that_waits_for_credit_is_not_sent_once_nobody_wants_it_any_more(
    caller: ServiceBusCaller, server: PeerServer
) -> None:
    async def is_attached() -> bool:
        return bool(server.peers and server.logins)

    sent: list[str] = []
    server.gives_credit = False
    waiting = asyncio.create_task(cancel(caller, CALL, on_sent=lambda: sent.append("it")))
    await until(is_attached)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert (waiting.cancelled(), server.messages, sent) == (True, 0, [])


async def test_a_message_that_has_left_is_known_to_have_left(caller: ServiceBusCaller) -> None:
    sent: list[str] = []
    assert (await cancel(caller, CALL, on_sent=lambda: sent.append("it"))).succeeded
    assert sent == ["it"]


async def test_the_key_and_its_name_are_shown_by_sasl_plain(caller: ServiceBusCaller, server: PeerServer) -> None:
    assert (await attempt(caller, CALL)).succeeded
    assert b"\x00send\x00the-key" in server.logins[0]


def test_silence_is_filled_with_heartbeats_and_a_silent_peer_is_given_up() -> None:
    engine = Engine(host="space1.test", container="leeward", user="send", password="key")
    assert engine.output().startswith(b"AMQP\x03\x01\x00\x00")
    due = engine.tick(1000.0)
    assert 1000.0 < due <= 1000.0 + IDLE_SECONDS
    engine.tick(due + IDLE_SECONDS + 1)
    assert [type(event).__name__ for event in engine.events()] == ["Ended"]
