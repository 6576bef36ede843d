"""Reports that nobody reads are spared, until somebody does."""

import asyncio

from shared.bus import Bus, Publication
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.waiting import until

TOPICS = [f"reports/{number}" for number in range(500)]


async def report(bus: Bus) -> int:
    """Report once on each topic that is worth it; return on how many."""
    worth_it = [topic for topic in TOPICS if bus.is_read(topic)]
    for topic in worth_it:
        assert bus.offer(Publication(topic=topic, payload=b"done"))
    assert await bus.flush(10)
    return len(worth_it)


async def test_topics_without_readers_are_found_out(mosquitto: Mosquitto) -> None:
    async with running(bus_at(mosquitto.url)) as bus:
        assert await report(bus) == len(TOPICS)
        assert await report(bus) < len(TOPICS) / 2


async def test_a_newcomer_hears_everything_again_soon(mosquitto: Mosquitto) -> None:
    listener = Listener()
    newcomer = bus_at(mosquitto.url, "newcomer")
    newcomer.subscribe("reports/+", listener)
    async with running(bus_at(mosquitto.url)) as bus:
        await report(bus)
        await report(bus)
        async with running(newcomer):

            async def all_are_read() -> bool:
                return await report(bus) == len(TOPICS)

            await until(all_are_read)
            await listener.until(lambda heard: len({each.topic for each in heard}) == len(TOPICS))
            assert {each.topic for each in listener.deliveries} == set(TOPICS)


async def test_a_topic_with_a_reader_is_always_read(mosquitto: Mosquitto) -> None:
    listener = Listener()
    reader = bus_at(mosquitto.url, "reader")
    reader.subscribe("reports/7", listener)
    async with running(reader), running(bus_at(mosquitto.url)) as bus:
        async with asyncio.timeout(10):
            await report(bus)
            await report(bus)
        assert bus.is_read("reports/7")
        assert len(listener.deliveries) >= 1
