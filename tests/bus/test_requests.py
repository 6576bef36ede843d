"""Questions and answers over the bus."""

import asyncio

import pytest

from shared.bus import Bus, BusUnavailableError, Delivery, ReplyTimeoutError
from tests.parts.brokers import BrokerProcess
from tests.parts.buses import bus_at, running
from tests.parts.ports import free_port


def answering(url: str) -> Bus:
    bus = bus_at(url, "answerer")

    async def answer(delivery: Delivery) -> None:
        await bus.reply(delivery, b"you said " + delivery.payload)

    bus.subscribe("commands/approve", answer)
    return bus


async def test_each_request_gets_its_own_reply(broker: BrokerProcess) -> None:
    async with running(answering(broker.url)), running(bus_at(broker.url, "asker")) as asker:
        replies = await asyncio.gather(
            *(asker.request("commands/approve", b"%d" % number, answerer="answerer", timeout=5) for number in range(20))
        )
    assert replies == [b"you said %d" % number for number in range(20)]


async def test_a_handler_may_ask_and_wait_for_the_reply(broker: BrokerProcess) -> None:
    asker = bus_at(broker.url, "asker")
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def ask(_: Delivery) -> None:
        heard.set_result(await asker.request("commands/approve", b"go", answerer="answerer", timeout=5))

    asker.subscribe("hosts/a/events", ask)
    async with running(answering(broker.url)), running(asker):
        asker.keep("hosts/a/events", b"storm")
        assert await asyncio.wait_for(heard, 10) == b"you said go"


async def test_a_request_that_nobody_answers_times_out(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url)) as asker:
        with pytest.raises(ReplyTimeoutError, match="commands/approve"):
            await asker.request("commands/approve", b"go", answerer="answerer", timeout=0.2)


async def test_a_command_without_response_topic_needs_no_reply(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url)) as bus:
        await bus.reply(Delivery(topic="commands/approve", payload=b"go", retained=False), b"done")
        assert await bus.flush(5)
        assert bus.connected


async def test_a_request_without_a_broker_fails_at_once() -> None:
    async with running(bus_at(f"mqtt://127.0.0.1:{free_port()}"), settled=False) as asker:
        with pytest.raises(BusUnavailableError):
            await asker.request("commands/approve", b"go", answerer="answerer", timeout=60)
