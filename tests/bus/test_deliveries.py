"""How messages reach their handlers."""

import asyncio
from datetime import timedelta

from shared.bus import Bus, BusSettings, Delivery, Publication
from shared.messages import MessageRefusedError
from tests.parts.brokers import BrokerProcess
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto


async def test_messages_are_handled_one_after_the_other_in_order(broker: BrokerProcess) -> None:
    handled: list[bytes] = []
    together = asyncio.Lock()
    done = asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        assert not together.locked()
        async with together:
            await asyncio.sleep(0)
            handled.append(delivery.payload)
        if len(handled) == 200:
            done.set()

    bus = bus_at(broker.url)
    bus.subscribe("numbers/+", slow)
    async with running(bus), asyncio.timeout(10):
        for number in range(200):
            assert bus.offer(Publication(topic="numbers/a", payload=b"%d" % number))
        await done.wait()
    assert handled == [b"%d" % number for number in range(200)]


async def test_a_refused_message_is_counted_and_does_not_stop_the_next(broker: BrokerProcess) -> None:
    refused: list[str] = []
    listener = Listener()

    async def strict(delivery: Delivery) -> None:
        if delivery.payload == b"bad":
            raise MessageRefusedError("not a number")
        if delivery.payload == b"worse":
            raise RuntimeError("a bug")
        await listener(delivery)

    bus = Bus(BusSettings(url=broker.url), client_id="strict", on_refused=refused.append)
    bus.subscribe("numbers", strict)
    async with running(bus):
        for payload in (b"bad", b"worse", b"1"):
            await bus.publish(Publication(topic="numbers", payload=payload))
        await listener.until_payload(b"1")
    assert refused == ["invalid"]


async def test_an_expiry_longer_than_the_protocol_can_say_is_cut(broker: BrokerProcess) -> None:
    listener = Listener()
    bus = bus_at(broker.url)
    bus.subscribe("numbers", listener)
    async with running(bus):
        assert bus.offer(Publication(topic="numbers", payload=b"1", expiry=timedelta.max))
        await listener.until_payload(b"1")


async def test_a_message_too_large_is_counted_and_never_handled(broker: BrokerProcess) -> None:
    refused: list[str] = []
    listener = Listener()
    bus = Bus(BusSettings(url=broker.url), client_id="small", on_refused=refused.append)
    bus.subscribe("numbers", listener)
    async with running(bus), running(bus_at(broker.url, "big")) as big:
        # Around the limit of our own publishing: other programs know no such limit.
        connection = big._connection
        assert connection is not None
        await connection.send(Publication(topic="numbers", payload=b"9" * (256 * 1024 + 1)))
        await big.publish(Publication(topic="numbers", payload=b"1"))
        await listener.until_payload(b"1")
    assert refused == ["too-large"]
    assert listener.payloads == [b"1"]


async def test_retained_state_was_handled_before_the_bus_is_settled(broker: BrokerProcess) -> None:
    # iotcore sends a new subscriber no more than 100 retained messages.
    assert await retained_when_settled(broker, 90) == 90


async def test_the_retained_state_of_a_whole_fleet_arrives(mosquitto: Mosquitto) -> None:
    assert await retained_when_settled(mosquitto, 3_000) == 3_000


async def retained_when_settled(broker: BrokerProcess, count: int) -> int:
    listener = Listener()
    late = bus_at(broker.url, "late")
    late.subscribe("hosts/#", listener)
    late.keep("late/status", b"online")
    async with running(bus_at(broker.url, "keeper")) as keeper:
        for number in range(count):
            keeper.keep(f"hosts/h{number}/status", b"online")
        assert await keeper.settled(20)
        async with running(late):
            return len(listener.deliveries)


async def test_handlers_that_fall_far_behind_get_a_fresh_view(broker: BrokerProcess) -> None:
    listener = Listener()
    gate = asyncio.Event()

    async def stuck(delivery: Delivery) -> None:
        await gate.wait()
        await listener(delivery)

    changes: list[bool] = []
    bus = Bus(BusSettings(url=broker.url), client_id="slow", on_connection=changes.append, backlog_limit=100_000)
    bus.subscribe("hosts/#", stuck)
    async with running(bus), running(bus_at(broker.url, "keeper")) as keeper, asyncio.timeout(20):
        for number in range(20):
            keeper.keep("hosts/a/events", b"%06d" % number * 2_000)
            assert await keeper.flush(10)
        gate.set()
        await listener.until(lambda heard: any(d.payload.startswith(b"000019") and d.retained for d in heard))
    assert changes[:3] == [True, False, True]
