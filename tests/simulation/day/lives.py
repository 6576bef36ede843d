"""One life of a real watcher: its client asks the emulator over HTTP, and a witness sees its words."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from services.vmwatch.approvals import Approvals
from services.vmwatch.errors import MetadataOutcome
from services.vmwatch.identity import Identity
from services.vmwatch.imds import ImdsClient, TimeLimits
from services.vmwatch.instance import Overrides
from services.vmwatch.metrics import Metrics
from services.vmwatch.watcher import Life, Watcher, farewell
from shared.bus import Delivery, Publication
from shared.topics import Topics
from tests.simulation.agenda import Agenda
from tests.simulation.day.broker import Broker, Work
from tests.simulation.machines import Machines
from tests.simulation.world import BEGIN, Host

PATIENCE = TimeLimits(first=0.15, later=0.15)
"""Real seconds, which a loopback does not need: a service that is silent costs so much of a run."""


class Witness(Protocol):
    """Who watches what the watchers do."""

    def sees(self, host: Host, topic: str, payload: bytes) -> None:
        """Something is published."""
        ...

    def asks(self, event_id: str) -> None:
        """Azure is about to be told to let an event start."""
        ...


class Surroundings:
    """What all watchers share."""

    def __init__(
        self,
        agenda: Agenda,
        machines: Machines,
        broker: Broker,
        witness: Witness,
        do: Callable[[Work], None],
        count: Callable[[MetadataOutcome], None],
    ) -> None:
        self.agenda = agenda
        self.machines = machines
        self.broker = broker
        self.witness = witness
        self.do = do
        self.count = count
        self.topics = Topics()
        self.metrics = Metrics("simulation")

    def monotonic(self) -> float:
        """Return seconds since the day began."""
        return (self.agenda.now() - BEGIN).total_seconds()


class Session:
    """One life of a watcher: the outlet of its words, and the way of its approvals."""

    def __init__(self, host: Host, session: str, url: str, around: Surroundings) -> None:
        self.answer: bytes | None = None
        self._host = host
        self._around = around
        self._kept: dict[str, bytes] = {}
        self._is_over = False
        life = Life(host=host.name, session=session)
        self._will = farewell(around.topics, life, around.agenda)
        self._client = ImdsClient(url, count=around.count, limits=PATIENCE, monotonic=around.monotonic)
        self._identity = Identity(self._client, Overrides(), monotonic=around.monotonic, random=Random(session))
        self.watcher = Watcher(
            life,
            source=self._client,
            outlet=self,
            topics=around.topics,
            metrics=around.metrics,
            clock=around.agenda,
            monotonic=around.monotonic,
            has_approved=self._client.has_approved,
        )
        self.approvals = Approvals(
            approver=self,
            replier=self,
            events=lambda: self.watcher.events,
            count=around.metrics.count_approval,
            monotonic=around.monotonic,
            may_reply=around.topics.takes_replies,
        )

    async def begin(self) -> None:
        """Say that it lives and who it is, and look for the first time."""
        await self._client.__aenter__()
        await self.watcher.beat()
        await self.identify()
        await self.watcher.poll()

    async def identify(self) -> None:
        """Say who it is, if that is new."""
        await self.watcher.tell_inventory(self._identity)

    async def close(self) -> None:
        """Hang up."""
        self._is_over = True
        await self._client.__aexit__(None, None, None)

    def bury(self) -> None:
        """Have the broker publish its will."""
        self._around.broker.publish(self._host.key, self._will)

    def tell_again(self) -> None:
        """Publish what it keeps."""
        for topic, payload in self._kept.items():
            self._around.broker.publish(self._host.key, Publication(topic=topic, payload=payload, retain=True))

    # -- what the watcher needs of the bus ---------------------------------------------------------------------------

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish retained state."""
        self._around.witness.sees(self._host, topic, payload)
        self._kept[topic] = payload
        self._around.broker.publish(self._host.key, Publication(topic=topic, payload=payload, retain=True))

    def offer(self, _publication: Publication) -> bool:
        """Take a notice; nobody here reads them."""
        return True

    async def reply(self, _delivery: Delivery, payload: bytes) -> None:
        """Answer the command at hand."""
        self.answer = payload

    async def approve(self, event_id: str) -> int:
        """Tell Azure, in sight of the witness. Raises MetadataError."""
        self._around.witness.asks(event_id)
        return await self._client.approve(event_id)
