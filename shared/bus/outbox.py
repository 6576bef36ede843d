"""What this process wants on the broker: its own retained state first, then what it only reports. No I/O."""

from collections import deque

from shared.bus.publications import Publication, checked
from shared.messages import JSON_CONTENT_TYPE

OFFERS_LIMIT = 10_000
_ECHOES_LIMIT = 64


class Outbox:
    """Everything still to be sent, in order per topic; survives connections, so that nothing kept is forgotten."""

    def __init__(self, *, offers_limit: int = OFFERS_LIMIT) -> None:
        """Start empty; at most `offers_limit` offered publications wait at a time."""
        self._kept: dict[str, Publication] = {}
        self._waiting: dict[str, Publication] = {}
        self._offers: deque[Publication] = deque()
        self._offers_limit = offers_limit
        self._under_way: list[Publication] = []
        self._echoes: dict[str, deque[bytes]] = {}
        self._heard: dict[str, bytes] = {}

    @property
    def kept(self) -> frozenset[str]:
        """The topics whose retained state is ours."""
        return frozenset(self._kept)

    @property
    def idle(self) -> bool:
        """Whether everything was sent and acknowledged."""
        return not (self._waiting or self._offers or self._under_way)

    def keeps(self, topic: str) -> bool:
        """Whether the retained state of this topic is ours."""
        return topic in self._kept

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic from now on, an empty one too; only the newest payload of a topic waits.

        What is kept first is sent first: a block, then the snapshot that it is about. So it is on a new connection.
        """
        kind = JSON_CONTENT_TYPE if payload else None
        kept = checked(Publication(topic=topic, payload=payload, retain=True, content_type=kind))
        self._waiting.pop(topic, None)
        self._kept[topic] = self._waiting[topic] = kept

    def clear(self, topic: str) -> None:
        """Disown a topic and have the broker forget it."""
        self._waiting[topic] = checked(Publication(topic=topic, payload=b"", retain=True, content_type=None))
        self._kept.pop(topic, None)

    def offer(self, publication: Publication) -> bool:
        """Queue a report; False when too many wait already."""
        if len(self._offers) >= self._offers_limit:
            return False
        self._offers.append(checked(publication))
        return True

    def take(self, count: int) -> list[Publication]:
        """Return up to `count` publications to send now, state before reports; they stay ours until `sent`."""
        topics = list(self._waiting)[:count]
        batch = [self._waiting.pop(topic) for topic in topics]
        while self._offers and len(batch) < count:
            batch.append(self._offers.popleft())
        self._under_way = batch
        for publication in batch:
            self._expect(publication)
        return batch

    def sent(self) -> None:
        """The broker has acknowledged the whole batch."""
        for publication in self._under_way:
            if publication.topic not in self._kept:
                self._echoes.pop(publication.topic, None)
                self._heard.pop(publication.topic, None)
        self._under_way = []

    def restart(self) -> None:
        """Begin anew on a fresh connection: all kept state, what was under way, and what waits."""
        unsettled = [publication for publication in self._under_way if not publication.retain]
        cleared = [p for p in self._under_way if p.retain and p.topic not in self._kept]
        self._offers.extendleft(reversed(unsettled))
        waiting = {topic: each for topic, each in self._waiting.items() if topic not in self._kept}
        self._waiting = {p.topic: p for p in cleared} | waiting | self._kept
        self._under_way = []
        self._echoes.clear()
        self._heard.clear()

    def hear(self, topic: str, payload: bytes) -> bool:
        """Take note of a live message on a kept topic; True when it is our own words coming back.

        The same words may come twice in a row, when two subscriptions bring them.
        """
        echoes = self._echoes.get(topic, deque())
        if payload in echoes:
            while echoes.popleft() != payload:
                continue  # the broker may skip what a newer value replaced before it was delivered
            self._heard[topic] = payload
        return self._heard.get(topic) == payload

    def differs(self, topic: str, payload: bytes) -> bool:
        """Whether `payload` is not what this topic should hold."""
        kept = self._kept.get(topic)
        return kept is not None and kept.payload != payload

    def repeat(self, topic: str) -> None:
        """Send the kept state of a topic again; nothing to do when it was cleared meanwhile."""
        if topic in self._kept:
            self._waiting[topic] = self._kept[topic]

    def _expect(self, publication: Publication) -> None:
        if publication.retain:
            self._echoes.setdefault(publication.topic, deque(maxlen=_ECHOES_LIMIT)).append(publication.payload)
