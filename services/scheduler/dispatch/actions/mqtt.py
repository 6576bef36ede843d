"""MQTT actions: one message with MQTT 5's properties, over a connection of their own, never below Leeward's prefix."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.scheduler.dispatch.actions.delivery import UndeliveredError, answer_of
from services.scheduler.dispatch.actions.http import placed
from services.scheduler.dispatch.actions.marks import beside, marks
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import MqttCall
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from shared.bus import BusUnavailableError, Publication, PublicationRefusedError, Publisher, is_speakable
from shared.topics import Topics


class MqttCaller:
    """Publishes messages. Use it as a context manager."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        """`topics` are Leeward's own, which no job speaks on."""
        self._publisher = publisher
        self._topics = topics

    async def __aenter__(self) -> Self:
        """Open nothing: the first message connects."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the connection."""
        await self._publisher.close()

    async def call(
        self,
        call: MqttCall,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Publish the message and return what the broker said of it; with QoS 0 it says nothing."""
        topic = placed(call.topic, host)
        sentence = f"Mqtt Action - Message to topic '{shown(topic)}'"
        return await answer_of(self._publish(call, topic, job, occurrence, host, on_sent), sentence)

    def target(self, call: MqttCall, host: HostView | None) -> str:
        """Return the broker's address: all messages load the same one."""
        return f"mqtt://{self._publisher}"

    async def _publish(
        self,
        call: MqttCall,
        topic: str,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        on_sent: Callable[[], None],
    ) -> None:
        publication = Publication(
            topic=topic,
            payload=placed(call.payload, host).encode(),
            qos=call.qos,
            retain=call.retain,
            expiry=call.expiry,
            content_type=call.content_type,
            response_topic=call.response_topic,
            correlation=None if call.correlation_data is None else call.correlation_data.encode(),
            user_properties=_properties(call, job, occurrence, host),
        )
        self._check(publication)
        try:
            await self._publisher.publish(publication, on_sent=on_sent)
        except PublicationRefusedError as fault:
            raise UndeliveredError(str(fault), retryable=False) from fault
        except BusUnavailableError as fault:
            raise UndeliveredError(str(fault), retryable=True) from fault

    def _check(self, publication: Publication) -> None:
        """Raise ValueError for what would speak for Leeward, or make the broker hang up on every job's messages."""
        check_topic(self._topics, "topic", publication.topic)
        if publication.response_topic is not None:
            check_topic(self._topics, "responseTopic", publication.response_topic)
        texts = [("contentType", publication.content_type or "")]
        texts += [("userProperties", text) for pair in publication.user_properties for text in pair]
        for field, text in texts:
            if not is_speakable(text):
                raise ValueError(f"{field} has control characters, or is too long for MQTT")


def check_topic(topics: Topics, field: str, topic: str) -> None:
    """Raise ValueError unless a job may name this topic; MQTT compares them letter by letter.

    A reply that somebody sends to a `responseTopic` would speak for Leeward, too.
    """
    if not topic or any(sign in topic for sign in "+#") or not is_speakable(topic):
        raise ValueError(f"{field} '{shown(topic)}' must be the name of one topic, without wildcards")
    if topic.startswith("$"):
        raise ValueError(f"{field} '{shown(topic)}': topics with $ belong to the broker")
    if topic == topics.prefix or topics.parse(topic) is not None:
        raise ValueError(f"{field} '{shown(topic)}': topics below {topics.prefix} are Leeward's own")


def shown(topic: str) -> str:
    """Return a topic as history shows it."""
    return topic if len(topic) <= 256 else f"{topic[:256]}..."


def _properties(call: MqttCall, job: Job, occurrence: Occurrence, host: HostView | None) -> tuple[tuple[str, str], ...]:
    """Return the job's properties, then Leeward's, which win."""
    own = marks(job, occurrence, host)
    return tuple({**beside(own, call.user_properties), **own}.items())
