"""A small fleet in bad weather: Azure's document, watchers that tell of it, and replicas that hear them in any order.

Everything that decides is real (fleet, drains, approvals, holds, the memory store); only the bus, the clock and the
executions are played here, so that a test can put them in any order.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

import msgspec

from services.scheduler.dispatch.outcomes import of_attempt, of_deferral, of_hold, of_loss
from services.scheduler.domain.executions import AttemptResult
from services.scheduler.domain.hosts import SCHEDULED, STARTED, FleetView, HostView, Threat
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.domain.placement import Decision, Hold, Lost, Queue, Run, decide
from services.scheduler.domain.policies import Strategy, Traits
from services.scheduler.domain.rehearsals import AT_ONCE, PREFIX, RehearsalPlan
from services.scheduler.fleet.drains import Work
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Approve
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import Claim, Held, JobDraft, Outcome, Ownership, Plan
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, Presence
from shared.topics import HostKey
from tests.parts.builders import NOON, inventory, online, snapshot
from tests.parts.dispatching import Dispatching
from tests.parts.fakes_api import HandClock
from tests.parts.fleets import Watched
from tests.parts.stored import TESTER, planned, put_collection

SECOND = timedelta(seconds=1)
LEASE = timedelta(days=1)
RETRY = timedelta(seconds=3)
"""What has found a full host tries again after so long."""
Message = HostStatus | Inventory | EventSnapshot


class Watcher:
    """One host's watcher: what it has published is kept, as a broker keeps it."""

    def __init__(self, host: str) -> None:
        """Begin its first session."""
        self.host = host
        self.is_alive = True
        self.kept: dict[type[Message], Message] = {Inventory: inventory(host, "db")}
        self._sessions, self._sequence = count(1), count(1)
        self.session = ""

    def status(self, at: datetime) -> HostStatus:
        """Say how it is."""
        said = online(self.host, session=self.session, at=at)
        return said if self.is_alive else msgspec.structs.replace(said, state=Presence.OFFLINE)

    def sight(self, events: list[Event]) -> EventSnapshot:
        """Say what it sees."""
        return snapshot(self.host, *events, session=self.session, sequence=next(self._sequence))

    def begin(self) -> None:
        """Come to life, in a session of its own."""
        self.is_alive, self.session = True, f"s{next(self._sessions)}"


class Started(msgspec.Struct, kw_only=True, eq=False):
    """An execution under way on a host."""

    claim: Claim
    host: HostKey | None


class Brain:
    """One replica: what it has heard and decided, and the executions that it has started."""

    def __init__(self, world: "World", name: str, owner: Ownership) -> None:
        """Begin a life with nothing heard."""
        self.watched = Watched(
            store=world.store, clock=world.clock, replica=name, approve=world.approve, metrics=world.metrics
        )
        self.watched.owner = owner
        self.watched.workload = self._work
        self.owner = owner
        self.running: list[Started] = []
        self.cordons = set(world.cordons)
        self.inbox: dict[str, list[Message]] = {}
        self.work = Dispatching(world.store, world.clock, metrics=world.metrics)
        self._world = world

    def hear(self, message: Message) -> None:
        """Take a message and see at once what it changes."""
        host, heard = HostKey(message.host), self.watched.heard
        match message:
            case Inventory():
                heard.take_inventory(host, message)
            case HostStatus():
                heard.take_status(host, message, retained=False, now=self._world.clock.now())
            case EventSnapshot():
                heard.take_snapshot(host, message)
        self.watched.fleet.refresh()

    @property
    def has_heard_all(self) -> bool:
        """Whether nothing is on its way."""
        return not any(self.inbox.values())

    def decide(self, job: Job, occurrence: Held | Claim | None = None) -> Decision:
        """Decide about a job as dispatch does."""
        one = occurrence.occurrence if occurrence is not None else planned(job, NOON)
        return decide(self.work.cases.of(job, one, self._world.clock.now()), self.views, self.load)

    @property
    def views(self) -> FleetView:
        """Every host as it stands for this replica."""
        return self.watched.fleet.views

    def load(self, host: HostKey) -> tuple[int, float]:
        """Return how much runs on a host."""
        return sum(each.host == host for each in self.running), 0.0

    def _work(self, host: HostKey, threat: Threat) -> Work:
        return Work(running=len(self.waited_for(host, threat.traits)))

    def waited_for(self, host: HostKey, traits: Traits) -> list[Started]:
        """Return what runs on a host and does not ignore such an event."""
        return [each for each in self.running if each.host == host and not self.ignores(each.claim.job, traits)]

    def ignores(self, job: Job, traits: Traits) -> bool:
        """Whether a job does not care for such an event."""
        return self.work.cases.policies(job).under(traits).strategy is Strategy.IGNORE

    async def fire(self, started: Callable[["Brain", Job, Run], None]) -> None:
        """Claim what is due, and start it, hold it, or let it wait; `started` hears of each start."""
        now = self._world.clock.now()
        for claim in await self._world.store.claim(self.owner, now=now, horizon=now, limit=50, plan=self._world.plan):
            match self.decide(claim.job, claim):
                case Run() as run:
                    started(self, claim.job, run)
                    self.running.append(Started(claim=claim, host=run.host.key if run.host is not None else None))
                case Hold() as hold:
                    await self._settle(of_hold(claim.job, claim.occurrence, hold, self._world.clock))
                case Queue():
                    await self._settle(of_deferral(claim.job, claim.occurrence, now + RETRY))
                case Lost() as lost:
                    await self._settle(of_loss(claim.job, claim.occurrence, lost, self._world.clock))

    async def finish(self) -> None:
        """Let the execution that has run longest end well."""
        if self.running:
            claim, now = self.running.pop(0).claim, self._world.clock.now()
            result = AttemptResult(succeeded=True, retryable=False, message="done", started_at=now, ended_at=now)
            await self._settle(of_attempt(claim.job, claim.occurrence, result))

    async def _settle(self, outcome: Outcome) -> None:
        refused = await self._world.store.settle(self.owner, [outcome])
        assert not refused, f"{self.owner} is refused its own outcome {outcome}"

    async def ask(self) -> None:
        """Ask for the approvals that are due, and wait for the answers."""
        await self.watched.approvals.look()
        await self.watched.approvals.answered()

    async def look_through_holds(self) -> None:
        """Look once at what is held."""
        self.work.fleet = dict(self.views)
        await self.work.holds.look()


class World:
    """The truth about the weather, and everybody who lives in it."""

    def __init__(self, *hosts: str, approve: Approve = Approve.ALL) -> None:
        """Begin with calm hosts, watched by one watcher each, and no replica."""
        sessions = count()
        self.clock = HandClock()
        self.store = MemoryStore(lambda: f"life-{next(sessions)}")
        self.approve = approve
        self.metrics = Metrics("test")
        self.document: dict[str, Event] = {}
        self.told_of: dict[str, set[str]] = {}
        self.cordons: set[str] = set()
        self.brains: dict[str, Brain] = {}
        self.jobs: list[Job] = []
        self.watchers = {host: Watcher(host) for host in hosts}
        self._numbers = count(1)
        for host in hosts:
            self.revive(host)

    async def add(self, what: JobDefinition) -> None:
        """Create a job that is due each second."""
        collection = await put_collection(self.store)
        name = f"job-{len(self.jobs)}"
        draft = JobDraft(
            uid=f"uid-{name}",
            name=name,
            definition=what,
            state=JobState.ENABLED,
            anchor=NOON,
            next_due=NOON + SECOND,
            restart=True,
        )
        self.jobs.append((await self.store.put_jobs(collection.id, [draft], NOON))[0].job)

    def plan(self, job: Job) -> Plan:
        """Plan the latest due instant; those before it are of no interest."""
        now = self.clock.now()
        return Plan(occurrences=(planned(job, now),), next_due=now + SECOND, planned=job.planned + 1)

    # -- replicas ----------------------------------------------------------------------------------------------------

    async def start(self, name: str) -> None:
        """Begin a life: recall the store, then hear all that the broker has kept, watcher by watcher."""
        owner = await self.store.register(name, self.clock.now(), LEASE)
        brain = self.brains[name] = Brain(self, name, owner)
        await brain.watched.fleet.recall()
        for watcher in self.watchers.values():
            for message in watcher.kept.values():
                brain.hear(message)

    async def crash(self, name: str) -> None:
        """End a life: what ran there is anybody's again, with a higher attempt."""
        brain = self.brains.pop(name)
        over = [life for life in await self.store.lives() if life.owner == brain.owner]
        await self.store.take_over(over, self.clock.now())

    # -- the weather -------------------------------------------------------------------------------------------------

    def announce(self, kind: str, hosts: list[str], source: str, notice: timedelta | None, seconds: int | None) -> str:
        """Put an event into the document, born Started without a notice; return its id."""
        event_id = f"E{next(self._numbers)}"
        self.document[event_id] = Event(
            event_id=event_id,
            type=kind,
            status=STARTED if notice is None else SCHEDULED,
            resources=tuple(hosts),
            not_before=self.clock.now() + notice if notice is not None else None,
            source=source,
            duration_seconds=seconds,
        )
        self.told_of[event_id] = set()
        self.tell()
        return event_id

    def change(self, event_id: str, **changes: object) -> None:
        """Change an event."""
        self.document[event_id] = msgspec.structs.replace(self.document[event_id], **changes)
        self.tell()

    def end(self, event_id: str) -> None:
        """Take an event out of the document: it is completed or cancelled."""
        del self.document[event_id]
        self.tell()

    def tell(self) -> None:
        """Let every watcher that lives publish the document."""
        for watcher in self.alive():
            for event_id in self.document:
                self.told_of[event_id].add(watcher.host)
            self._publish(watcher, watcher.sight(list(self.document.values())))

    def alive(self) -> Iterator[Watcher]:
        """Yield the watchers that live."""
        return (watcher for watcher in self.watchers.values() if watcher.is_alive)

    def silence(self, host: str) -> None:
        """Let a host vanish: the broker tells its will."""
        watcher = self.watchers[host]
        watcher.is_alive = False
        self._publish(watcher, watcher.status(self.clock.now()))

    def revive(self, host: str) -> None:
        """Let a host come back: its watcher begins a session and looks at the document."""
        watcher = self.watchers[host]
        watcher.begin()
        self._publish(watcher, watcher.status(self.clock.now()))
        for event_id in self.document:
            self.told_of[event_id].add(host)
        self._publish(watcher, watcher.sight(list(self.document.values())))

    def turn(self, by: timedelta) -> None:
        """Let time pass; heartbeats of all that live arrive at once, so that news may be late but nobody seems dead."""
        self.clock.turn(by)
        for brain in self.brains.values():
            for watcher in self.alive():
                brain.hear(watcher.status(self.clock.now()))
            brain.watched.fleet.refresh()
        for watcher in self.alive():
            watcher.kept[HostStatus] = watcher.status(self.clock.now())

    def _publish(self, watcher: Watcher, message: Message) -> None:
        watcher.kept[type(message)] = message
        for brain in self.brains.values():
            brain.inbox.setdefault(watcher.host, []).append(message)

    def deliver(self, name: str, host: str, *, twice: bool) -> None:
        """Let a replica hear the oldest message of a watcher that is on its way, perhaps twice."""
        brain = self.brains[name]
        if waiting := brain.inbox.get(host):
            message = waiting.pop(0)
            for _ in range(1 + twice):
                brain.hear(message)

    def deliver_all(self) -> None:
        """Let everybody hear everything."""
        for name, brain in self.brains.items():
            for host in list(brain.inbox):
                while brain.inbox[host]:
                    self.deliver(name, host, twice=False)

    # -- operators ---------------------------------------------------------------------------------------------------

    async def cordon(self, name: str, host: str) -> None:
        """Keep jobs off a host by hand, through a replica."""
        await self.brains[name].watched.fleet.cordon(host, reason="a test", until=None, by=TESTER)
        for knowing in (self.cordons, self.brains[name].cordons):
            knowing.add(host)

    async def release(self, name: str, host: str) -> None:
        """Lift an operator's cordon, through a replica."""
        await self.brains[name].watched.fleet.release(host, by=TESTER)
        for knowing in (self.cordons, self.brains[name].cordons):
            knowing.discard(host)

    async def rehearse(self, name: str, kind: str, hosts: list[str], notice: timedelta, seconds: int) -> None:
        """Announce a rehearsal through a replica; one too many is refused."""
        plan = RehearsalPlan(
            type=kind, hosts=tuple(hosts), notice=notice, duration=timedelta(seconds=seconds), description="a test"
        )
        event_id = f"{PREFIX}{next(self._numbers)}"
        on = [each for each in await self.store.list_rehearsals(since=NOON) if each.is_on(self.clock.now())]
        if len(on) < AT_ONCE:
            await self.brains[name].watched.fleet.rehearse(plan, event_id, by=TESTER)

    async def call_off(self, name: str) -> None:
        """Call off the rehearsal that has been on for longest, through a replica; nothing where none is."""
        for each in await self.store.list_rehearsals(since=NOON):
            if each.is_on(self.clock.now()):
                await self.brains[name].watched.fleet.cancel_rehearsal(each.event.event_id, by=TESTER)
                return

    async def held(self) -> list[Held]:
        """Return everything that is held."""
        return await self.store.list_held(limit=10_000)


def threats_of(view: HostView) -> set[str]:
    """Return the ids of what threatens a host."""
    return {threat.event_id for threat in view.threats}
