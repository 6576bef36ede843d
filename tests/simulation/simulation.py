"""One variant from the first heartbeat to the last outcome: all parts put together, and what came of it."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import msgspec

from services.scheduler.dispatch.cases import Cases
from services.scheduler.fleet.reports import Reports
from shared.topics import HostKey
from tests.simulation.agenda import Agenda
from tests.simulation.azure import Group
from tests.simulation.bus import SimulatedBus
from tests.simulation.control import Control
from tests.simulation.dispatcher import Dispatcher
from tests.simulation.executions import Executions
from tests.simulation.habits import Habits
from tests.simulation.ledger import Ledger, Tally
from tests.simulation.lulls import Lulls
from tests.simulation.machines import Blow, Machines
from tests.simulation.referee import Referee
from tests.simulation.rollout import Course, Rollout
from tests.simulation.stores import SimulationStore
from tests.simulation.variants import Variant
from tests.simulation.watchers import Watchers
from tests.simulation.workload import workload
from tests.simulation.world import BEGIN, Host, Size, hosts_of

AFTERWARDS = timedelta(hours=3)
"""How long after the last due instant a run goes on at the most, until everything has ended."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a variant: occurrences, events by their course, and seconds."""

    variant: Variant
    tally: Tally
    courses: Sequence[Course]
    hosts: int
    finished: Sequence[float]
    """When each group was through."""
    drained: Sequence[float]
    """From the first sight of an event to a host of it without executions."""
    overdue: int
    lulls: Sequence[float]


async def simulate(variant: Variant, size: Size, seed: int) -> Run:
    """Run a variant to its end and check its accounts."""
    simulation = _Simulation(variant, size, seed)
    return await simulation.run()


class _Simulation:
    def __init__(self, variant: Variant, size: Size, seed: int) -> None:
        hosts = hosts_of(size, seed)
        self._variant = variant
        self._size = size
        self._end = BEGIN + size.span
        self._agenda = agenda = Agenda(BEGIN)
        self._machines = Machines(agenda, [host.key for host in hosts])
        self._groups = _groups(hosts, agenda, self._machines, seed)
        self._work = workload(hosts, size, seed)
        self._ledger = Ledger()
        self._referee = Referee(self._ledger)
        self._lulls = Lulls(agenda.now)
        self._executions = Executions(agenda, self._machines)
        self._habits = Habits(self._work)
        store, reports, cases = SimulationStore(), Reports(), self._cases()
        self._dispatcher = self._dispatch(store, cases)
        bus, moves = SimulatedBus(self._approve), self._dispatcher.moves
        self._control = Control(agenda, bus, reports, store, self._executions, moves, cases, variant.approve)
        self._control.on_host = self._dispatcher.follow
        groups = self._groups
        self._by_host = {host.key: group for group in groups for host in group.hosts.values()}
        self._watchers = Watchers(
            agenda,
            self._machines,
            reports,
            groups,
            watch_events=variant.watched,
            heard=self._control.fleet.refresh,
            published=self._referee.see,
        )
        self._rollout = Rollout(groups, size, seed, agenda, self._machines)
        self._machines.hit, self._machines.back = self._struck, self._watchers.recovered

    def _cases(self) -> Cases:
        return Cases(fleet=self._variant.fleet, expected=self._habits.expected)

    def _dispatch(self, store: SimulationStore, cases: Cases) -> Dispatcher:
        return Dispatcher(
            self._agenda,
            self._work,
            self._end,
            fleet=lambda: self._control.fleet.views,
            cases=cases,
            executions=self._executions,
            store=store,
            ledger=self._ledger,
            referee=self._referee,
            habits=self._habits,
            lulls=self._lulls,
            freed=lambda host: self._control.freed(host),
        )

    async def run(self) -> Run:
        """Let everything happen up to the last due instant, and the rest until all has ended."""
        await self._control.begin()
        self._watchers.begin()
        self._dispatcher.begin()
        while not self._is_over() and self._agenda.step(self._end + AFTERWARDS):
            if self._control.is_wanted:
                await self._control.look()
                self._dispatcher.let_go()
        self._referee.check_accounts(self._work, self._end)
        return self._result()

    def _is_over(self) -> bool:
        is_past = self._agenda.now() >= self._end
        return is_past and not len(self._ledger) and len(self._rollout.finished) == len(self._groups)

    def _result(self) -> Run:
        return Run(
            variant=self._variant,
            tally=self._ledger.tally,
            courses=list(self._rollout.courses.values()),
            hosts=len(self._machines.all),
            finished=[(at - BEGIN).total_seconds() for at in self._rollout.finished.values()],
            drained=list(self._control.drained.values()),
            overdue=self._control.overdue,
            lulls=self._lulls.seconds,
        )

    def _struck(self, blow: Blow) -> None:
        self._executions.struck(blow)
        self._watchers.struck(blow)
        self._lulls.struck(blow)

    def _approve(self, host: HostKey, event_id: str) -> bool | None:
        """Carry a StartRequest from a watcher to Azure; None when the watcher's VM is not up."""
        if not self._machines.is_up(host):
            return None
        self._referee.check_approval(event_id, self._executions, self._agenda.now())
        self._rollout.courses[event_id].approved = self._agenda.now()
        return self._by_host[host].approve(event_id, host)


def _groups(hosts: Sequence[Host], agenda: Agenda, machines: Machines, seed: int) -> list[Group]:
    """Return the placement groups of a fleet."""
    names = dict.fromkeys(host.group for host in hosts)
    return [
        Group([host for host in hosts if host.group == name], agenda, machines, Random(f"{name} {seed}"))
        for name in names
    ]
