"""A day of events: real watchers ask the emulator, the real scheduler decides, and the umpire watches every step."""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from services.scheduler.dispatch.cases import Cases
from services.scheduler.fleet.intake import Intake
from services.scheduler.fleet.reports import Reports
from services.vmwatch.emulator.server import Emulator
from shared.settings import Listen
from shared.topics import HostKey, Topics
from tests.simulation.agenda import Agenda
from tests.simulation.control import Control
from tests.simulation.day.broker import Broker, Work
from tests.simulation.day.lives import Surroundings
from tests.simulation.day.mischief import Mischief
from tests.simulation.day.platform import Platform
from tests.simulation.day.posts import Post, Posts
from tests.simulation.day.umpire import Umpire
from tests.simulation.dispatcher import Dispatcher
from tests.simulation.executions import Executions
from tests.simulation.habits import Habits
from tests.simulation.ledger import Ledger
from tests.simulation.lulls import Lulls
from tests.simulation.machines import Blow, Machines
from tests.simulation.stores import SimulationStore
from tests.simulation.variants import APPROVED, AUTOMATIC, BOTH, Variant
from tests.simulation.workload import workload
from tests.simulation.world import BEGIN, Size, hosts_of

LOOK = 15.0
"""Seconds between two looks at what no message tells of: silence, expiry, and whether all is as it should be."""
AFTERWARDS = timedelta(hours=3)
WAYS = (APPROVED, BOTH, AUTOMATIC)
"""The policies that days are lived under, by turns."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How large a day is."""

    size: Size = Size(groups=6, hosts=6, domains=3, jobs=240, span=timedelta(hours=24))
    events: int = 400
    troubles: int = 250


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: what was done, how occurrences ended, what watchers read, and what should never have been."""

    seed: int
    variant: str
    done: Counter[str]
    fates: Counter[str]
    on_the_way: Counter[str]
    readings: Counter[str]
    lives: int
    approvals: int
    faults: Sequence[str]


async def live(plan: Plan, seed: int) -> Day:
    """Live through one day, and the hours after it until everything is released and accounted for."""
    scene = _Scene(plan, seed)
    async with Emulator(scene.platform.stage, Listen("127.0.0.1", 0)) as emulator:
        return await scene.live(emulator)


class _Scene:
    def __init__(self, plan: Plan, seed: int) -> None:
        hosts = hosts_of(plan.size, seed)
        self.agenda = Agenda(BEGIN)
        self.machines = Machines(self.agenda, [host.key for host in hosts])
        self.platform = Platform(hosts, self.agenda, self.machines, seed)
        self.broker = Broker(self.agenda, seed, self.do)
        self.mischief = Mischief(self, seed)
        self._plan = plan
        self._seed = seed
        self._end = BEGIN + plan.size.span
        self._variant: Variant = WAYS[seed % len(WAYS)]
        self._work = workload(hosts, plan.size, seed)
        self._habits = Habits(self._work)
        self._cases = Cases(fleet=self._variant.fleet, expected=self._habits.expected)
        self._ledger = Ledger()
        self._executions = Executions(self.agenda, self.machines)
        self._umpire = Umpire(self._ledger, self.platform, self.agenda, self._executions)
        self._store = SimulationStore()
        self._dispatcher = self._dispatch()
        self._to_do: deque[Work] = deque()
        self._readings: Counter[str] = Counter()
        self._around = Surroundings(self.agenda, self.machines, self.broker, self._umpire, self.do, self._count)
        self.broker.heard = self._umpire.heard
        self.posts: Posts
        self._control: Control

    def do(self, work: Work) -> None:
        """Have something awaited before time goes on."""
        self._to_do.append(work)

    async def live(self, emulator: Emulator) -> Day:
        """Live through it."""
        await self._open(emulator)
        while not self._is_over() and self.agenda.step(self._end + AFTERWARDS):
            await self._carry_on()
        self._umpire.check_end(self._control, self._store, self.broker.retained)
        self._umpire.check_accounts(self._work, self._end)
        await self.posts.end()
        return self._result()

    async def restart_scheduler(self) -> None:
        """End the scheduler's life; the next one knows what the store does, and hears what is retained.

        Not before every host is on the bus again: a scheduler that knows no hosts lets jobs run anywhere.
        """
        topics = Topics()
        if all(topics.inventory(host.key) in self.broker.retained for host in self.platform.hosts.values()):
            await self._control.leave()
            await self._start_scheduler()
        else:
            self.agenda.after(LOOK, lambda: self.do(self.restart_scheduler))

    def _drain_heard(self, host: HostKey, event_id: str) -> None:
        """Clear a drain on the bus whose event is over, as the steward does."""
        if self._control.fleet.active(event_id) is None:
            self.broker.clear(Topics().drain(host, event_id))

    async def _open(self, emulator: Emulator) -> None:
        around = self._around
        posts = [Post(host, emulator.url(host.name), around) for host in self.platform.hosts.values()]
        self.posts = Posts(posts, around)
        self.broker.ask = self.posts.ask
        self.platform.changed = self.posts.changed
        self.machines.hit, self.machines.back = self._struck, self._recovered
        await self._start_scheduler()
        await self.posts.begin()
        await self.broker.deliver_retained()
        self._dispatcher.begin()
        self.mischief.plan(self._plan.size.span, self._plan.events, self._plan.troubles)
        self.agenda.after(LOOK, self._look_around)
        self.agenda.at(self._end, self._let_all_end)

    async def _start_scheduler(self) -> None:
        reports = Reports()
        self._control = control = Control(
            self.agenda,
            self.broker,
            reports,
            self._store,
            self._executions,
            self._dispatcher.moves,
            self._cases,
            self._variant.approve,
        )
        control.on_host = self._dispatcher.follow
        Intake(
            reports,
            Topics(),
            self.agenda,
            changed=control.fleet.refresh,
            drain_heard=self._drain_heard,
            deferred=control.fleet.refresh,
            monotonic=self._around.monotonic,
        ).subscribe(self.broker)  # type: ignore[arg-type]
        await control.begin()
        await control.fleet.recall()
        await self.broker.deliver_retained()
        control.fleet.refresh()

    async def _carry_on(self) -> None:
        """Await what the last step asked for, and let the scheduler do what follows from it."""
        if not self._to_do and not self._control.is_wanted:
            return
        while self._to_do:
            await self._to_do.popleft()()
        while self._control.is_wanted:
            await self._control.look()
            self._umpire.check_fleet(self._control, self.posts)
        self.platform.settle()
        self._dispatcher.let_go()

    def _look_around(self) -> None:
        self._control.fleet.refresh()
        self.do(self._control.look)
        self._umpire.look_at(self.posts)
        self._umpire.check_holds(self._store, self.machines)
        self._umpire.check_fleet(self._control, self.posts)
        self.agenda.after(LOOK, self._look_around)

    def _let_all_end(self) -> None:
        """Have Azure end what would never end."""
        self.platform.stage.faults.replace((), self.agenda.now())
        for event in self.platform.stage.events():
            self.platform.stage.finish(event.id)
        self.platform.settle()

    def _is_over(self) -> bool:
        is_quiet = (
            not len(self._ledger) and not self._control.fleet.active_events() and not self.platform.stage.events()
        )
        return is_quiet and self.agenda.now() >= self._end + timedelta(minutes=10)

    def _struck(self, blow: Blow) -> None:
        self._executions.struck(blow)
        self.posts.by_host[blow.host].struck(blow)

    def _recovered(self, blow: Blow) -> None:
        self.posts.by_host[blow.host].recovered(blow)

    def _count(self, outcome: str) -> None:
        self._readings[str(outcome)] += 1

    def _dispatch(self) -> Dispatcher:
        return Dispatcher(
            self.agenda,
            self._work,
            self._end,
            fleet=lambda: self._control.fleet.views,
            cases=self._cases,
            executions=self._executions,
            store=self._store,
            ledger=self._ledger,
            referee=self._umpire,
            habits=self._habits,
            lulls=Lulls(self.agenda.now),
            freed=lambda host: self._control.freed(host),
        )

    def _result(self) -> Day:
        return Day(
            seed=self._seed,
            variant=self._variant.name,
            done=self.mischief.done,
            fates=self._ledger.tally.fates,
            on_the_way=self._ledger.tally.on_the_way,
            readings=self._readings,
            lives=sum(post.lives for post in self.posts.by_host.values()),
            approvals=self._umpire.approvals,
            faults=self._ledger.tally.told,
        )
