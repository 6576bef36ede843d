"""Somebody who has an identity on the bus and uses it for what is not his."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.bus import Publication, PublicationRefusedError, Publisher
from tests.parts.brokers import BrokerProcess


class Forger:
    """Publishes what it likes, and remembers what the broker let through."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.passed: list[str] = []
        self.refused: list[str] = []

    async def say(self, topic: str, payload: bytes, *, retain: bool = False, correlation: bytes | None = None) -> None:
        """Try to publish."""
        try:
            await self._publisher.publish(
                Publication(topic=topic, payload=payload, retain=retain, correlation=correlation)
            )
            self.passed.append(topic)
        except PublicationRefusedError:
            self.refused.append(topic)

    async def say_both_ways(self, topic: str, payload: bytes) -> None:
        """Try to publish a message, and then to have it retained."""
        for retain in (False, True):
            await self.say(topic, payload, retain=retain)


@asynccontextmanager
async def forger(broker: BrokerProcess, name: str, *, client_id: str = "") -> AsyncIterator[Forger]:
    """Give somebody with the identity `name`, who may connect under another client's id."""
    publisher = Publisher(broker.settings(name), client_id=client_id or f"forger-{name}")
    try:
        yield Forger(publisher)
    finally:
        await publisher.close()
