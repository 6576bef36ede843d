"""A program beside Leeward that hears every message of the bus with all that MQTT 5 says of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from shared.messages import JSON_CONTENT_TYPE
from shared.topics import DEFAULT_PREFIX

_ALL_QOS = 2
"""Subscribed with the highest one, a message comes with that of its sender."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message with its properties; `retain` is the sender's flag, `expiry` the seconds that were left."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str | None
    is_utf8: bool
    expiry: int | None
    response_topic: str | None
    correlation: bytes | None
    user_properties: tuple[tuple[str, str], ...]


class BusRecorder:
    """What was said on the bus since `recording` began."""

    def __init__(self, client: aiomqtt.Client) -> None:
        """Hear through a connected client."""
        self.heard: list[Heard] = []
        self._client = client
        self._arrived = asyncio.Condition()

    async def until(self, condition: Callable[[Heard], bool], *, seconds: float = 30) -> Heard:
        """Wait for a message that satisfies the condition; raises TimeoutError that tells what was heard last."""

        def found() -> list[Heard]:
            return [each for each in self.heard if condition(each)]

        try:
            async with asyncio.timeout(seconds), self._arrived:
                await self._arrived.wait_for(lambda: bool(found()))
        except TimeoutError as fault:
            raise TimeoutError(f"not heard; the last were {[each.topic for each in self.heard[-10:]]}") from fault
        return found()[0]

    async def until_topic(self, ending: str, *words: str) -> Heard:
        """Wait for a message on a topic with this ending that has all the words in its payload."""
        return await self.until(
            lambda each: each.topic.endswith(ending) and all(word.encode() in each.payload for word in words)
        )

    async def say(self, topic: str, payload: bytes) -> None:
        """Publish retained JSON below Leeward's prefix, or take it back with an empty payload."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if payload:
            properties.ContentType = JSON_CONTENT_TYPE
            properties.PayloadFormatIndicator = 1
        await self._client.publish(f"{DEFAULT_PREFIX}/{topic}", payload, qos=1, retain=True, properties=properties)

    async def listen(self) -> None:
        """Keep every message until cancelled."""
        async for message in self._client.messages:
            async with self._arrived:
                self.heard.append(_heard(message))
                self._arrived.notify_all()


@asynccontextmanager
async def recording(port: int) -> AsyncIterator[BusRecorder]:
    """Hear everything below Leeward's prefix on an open broker of this machine."""
    options = SubscribeOptions(qos=_ALL_QOS, retainAsPublished=True)
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(f"{DEFAULT_PREFIX}/#", options=options)
        recorder = BusRecorder(client)
        task = asyncio.create_task(recorder.listen())
        try:
            yield recorder
        finally:
            task.cancel()
            await asyncio.wait([task])


def _heard(message: aiomqtt.Message) -> Heard:
    said: Any = message.properties
    payload: Any = message.payload
    return Heard(
        topic=str(message.topic),
        payload=bytes(payload),
        qos=message.qos,
        retain=message.retain,
        content_type=getattr(said, "ContentType", None),
        is_utf8=getattr(said, "PayloadFormatIndicator", 0) == 1,
        expiry=getattr(said, "MessageExpiryInterval", None),
        response_topic=getattr(said, "ResponseTopic", None),
        correlation=getattr(said, "CorrelationData", None),
        user_properties=tuple(getattr(said, "UserProperty", ())),
    )
