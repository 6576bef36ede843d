"""Puts the dispatch of one replica together: claims, runners, holds, and the life that they belong to."""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from services.scheduler.dispatch.announcer import Announcer, Outlet
from services.scheduler.dispatch.answers import Caller
from services.scheduler.dispatch.assurance import Assurance
from services.scheduler.dispatch.attempts import Attempts
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.claims import Claims
from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.dispatch.durations import Stopwatch
from services.scheduler.dispatch.engine import Engine
from services.scheduler.dispatch.held import Holds
from services.scheduler.dispatch.lanes import Lanes
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.living import Living
from services.scheduler.dispatch.moves import Moves
from services.scheduler.dispatch.outcomes import Outcomes
from services.scheduler.dispatch.rescue import Rescue
from services.scheduler.dispatch.runner import Runner
from services.scheduler.dispatch.running import Running
from services.scheduler.domain.hosts import FleetView, Threat
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.policies import Maintenance
from services.scheduler.feed import Feed
from services.scheduler.fleet.drains import Work
from services.scheduler.fleet.hosts import Load
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Settings
from services.scheduler.store.base import Store
from services.scheduler.store.records import SessionId
from services.scheduler.timekeeper import StoreClock
from services.scheduler.tracing.base import Traces
from shared.clock import Clock
from shared.topics import HostKey, Topics

CLAIMS_A_RUNNER = 80
"""Claims in hand: enough for thousands a second, of which the timer holds a second's worth (docs/performance.md)."""


class Surroundings(Protocol):
    """What dispatch stands on; the scheduler has it all."""

    settings: Settings
    store: Store
    clock: StoreClock
    metrics: Metrics
    feed: Feed
    topics: Topics
    traces: Traces


class Dispatch:
    """Everything between a due job and its outcome."""

    def __init__(
        self,
        around: Surroundings,
        *,
        wall: Clock,
        bus: Outlet,
        caller: Caller,
        fleet: Callable[[], FleetView],
        ended: Callable[[HostKey], None],
        registered: Callable[[Sequence[SessionId], SessionId], None],
        wrote: Callable[[Iterable[JobId]], None],
        new_id: Callable[[], str],
        policy: Maintenance,
    ) -> None:
        """`ended` is told the host of each attempt that ends, `wrote` the job of each history row that is written.

        `registered` is told about twice a second which sessions there are, and which is ours, where others can be.
        `policy` is the operator's about maintenance.
        """
        self._around = around
        self._fleet = fleet
        settings, store, clock, metrics = around.settings, around.store, around.clock, around.metrics
        length = timedelta(seconds=settings.lease_seconds)
        self.lease = Lease(store, clock, settings.replica, length, metrics, wall=wall)
        self.assurance = Assurance(self.lease)
        self.claims = Claims()
        self.outcomes = Outcomes()
        self.running = Running(ended=ended)
        metrics.crossing.set_function(lambda: self.running.crossing(fleet()))
        self.moves = Moves()
        self.policies = CollectionPolicies(store, metrics, changed=lambda: self.holds.look_soon())
        self.stopwatch = Stopwatch(store, metrics)
        self.cases = Cases(
            fleet=policy,
            collections=self.policies.of,
            expected=self.stopwatch.expected,
            look_up=self.stopwatch.look_up,
        )
        self.announcer = Announcer(
            bus, around.topics, around.feed, clock, metrics, replica=settings.replica, new_id=new_id
        )
        self.holds = self._holds()
        self.attempts = Attempts(caller, self.running, clock, metrics, ended=self.stopwatch.note)
        self.runner = self._runner()
        self.engine = self._engine(wrote)
        self.rescue = Rescue(store, clock, self.lease, metrics, rescued=self.engine.wake, seen=registered)
        self.living = Living(self.lease, self.rescue, self.engine, self.policies, metrics)

    def _holds(self) -> Holds:
        return Holds(
            self._around.store,
            self._around.clock,
            self.announcer,
            fleet=self._fleet,
            cases=self.cases,
            load=self.running.load,
            rate=self._around.settings.release_rate,
            released=lambda: self.engine.wake(),
            metrics=self._around.metrics,
        )

    def _runner(self) -> Runner:
        settings = self._around.settings
        return Runner(
            store=self._around.store,
            clock=self._around.clock,
            lease=self.lease,
            assurance=self.assurance,
            claims=self.claims,
            attempts=self.attempts,
            outcomes=self.outcomes,
            running=self.running,
            announcer=self.announcer,
            metrics=self._around.metrics,
            fleet=self._fleet,
            cases=self.cases,
            moves=self.moves,
            lanes=Lanes(concurrency=settings.target_concurrency, rate=settings.target_rate, time=time.monotonic),
            traces=self._around.traces,
            size=settings.runners,
        )

    def _engine(self, wrote: Callable[[Iterable[JobId]], None]) -> Engine:
        return Engine(
            self._around.store,
            self._around.clock,
            self.lease,
            self.assurance,
            self.claims,
            self.runner,
            self.outcomes,
            self._around.metrics,
            capacity=CLAIMS_A_RUNNER * self._around.settings.runners,
            wrote=wrote,
            taken=self.cases.foresee,
        )

    def duties(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return by name what runs for as long as this replica dispatches."""
        return {
            "runners": self.runner.run,
            "engine": self.engine.run,
            "holds": self.holds.run,
            "durations": self.stopwatch.run,
        }

    def load(self, host: HostKey) -> Load:
        """Return what runs on a host and waits for it."""
        return Load(running=len(self.running.on(host)), held=self.holds.count(host))

    def workload(self, host: HostKey, threat: Threat) -> Work:
        """Return what this replica has to do with a host because of an event."""
        moved = self.moves.of(host, threat.event_id)
        running = self.running.against_drain(host, threat)
        return Work(running=running, held=moved.held, rerouted=moved.rerouted)

    def follow(self, views: FleetView, live: frozenset[str]) -> None:
        """Do at once what a change of the fleet asks for; `live` are the ids of the events that are not over."""
        self.running.settle(FleetView(view for view in views.values() if view.threats))
        self.attempts.follow(views)
        self.holds.wake()
        self.moves.forget(live)
