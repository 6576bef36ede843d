"""What holds whatever the weather: random policies and events, replicas that hear of them in any order."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from services.scheduler.domain.executions import HistoryRow, HistoryStatus, OccurrenceId
from services.scheduler.domain.hosts import MANUAL, MANUAL_EVENT_ID, SCHEDULED, STARTED, HostView, Threat
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Decision, Hold, Lost, Run
from services.scheduler.domain.policies import (
    AUTO,
    AutoLead,
    LastStanding,
    Maintenance,
    MaintenanceRule,
    OnRelease,
    ResolvedMaintenance,
    Strategy,
    Traits,
)
from services.scheduler.domain.rehearsals import LONGEST, LONGEST_NOTICE, is_rehearsal
from services.scheduler.fleet.aftermath import SURVIVED
from services.scheduler.store.records import Held, rehearsal_ends
from shared.topics import HostKey
from tests.parts.builders import definition
from tests.parts.weather import SECOND, Brain, World, threats_of

HOSTS = ("db-0", "db-1", "db-2")
REPLICAS = ("one", "two")
MINUTE = timedelta(minutes=1)
KINDS = ("Freeze", "Reboot", "Redeploy", "Preempt")
ENDED = {HistoryStatus.COMPLETED, HistoryStatus.SKIPPED, HistoryStatus.MISSED}

RULES = st.builds(
    MaintenanceRule,
    strategy=st.sampled_from([None, *Strategy]),
    lead_time=st.sampled_from([None, AUTO, timedelta(0), MINUTE, 5 * MINUTE]),
    last_standing=st.sampled_from([None, *LastStanding]),
    on_release=st.sampled_from([None, *OnRelease]),
)
DOCUMENTS = st.builds(
    Maintenance,
    rule=RULES,
    by_type=st.dictionaries(st.sampled_from([kind.lower() for kind in (*KINDS, MANUAL)]), RULES, max_size=1),
    by_source=st.dictionaries(st.sampled_from(["platform", "user"]), RULES, max_size=1),
)
SPOTS = st.sampled_from([("db-0", None), ("db-1", None), (None, "db"), ("db-0", "db"), ("db-2", "db")])
HOST, REPLICA = st.sampled_from(HOSTS), st.sampled_from(REPLICAS)
NOTICE = st.sampled_from([5 * SECOND, MINUTE, 15 * MINUTE])

DRAFTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "hosts": st.lists(HOST, min_size=1, unique=True),
        "source": st.sampled_from(["Platform", "User"]),
        "notice": st.sampled_from([None, 5 * SECOND, MINUTE, 2 * MINUTE, 15 * MINUTE]),
        "seconds": st.sampled_from([None, 5, 600]),
    }
)


class Weather(RuleBasedStateMachine):
    """Two replicas, three hosts of one pool, a few jobs; every step leaves the invariants true."""

    def __init__(self) -> None:
        """Begin with a calm world."""
        super().__init__()
        self.loop = asyncio.Runner()
        self.world = World(*HOSTS)
        self.promised: dict[OccurrenceId, OnRelease] = {}
        self.too_early: list[str] = []
        for name in REPLICAS:
            self._start(name)

    def teardown(self) -> None:
        """Let all be over, and see that everything has come to its end."""
        try:
            if self.world.jobs:
                self._let_all_be_over()
                self._every_held_occurrence_has_ended_once()
        finally:
            self.loop.close()

    @initialize(documents=st.lists(st.tuples(SPOTS, DOCUMENTS), min_size=2, max_size=4))
    def jobs(self, documents: list[tuple[tuple[str | None, str | None], Maintenance]]) -> None:
        for (host, pool), maintenance in documents:
            self.loop.run(self.world.add(definition(host=host, pool=pool, maintenance=maintenance)))

    # -- what happens ------------------------------------------------------------------------------------------------

    @rule(draft=DRAFTS)
    def announced(self, draft: dict[str, Any]) -> None:
        self.world.announce(**draft)

    @rule(draft=DRAFTS)
    def announced_to_all(self, draft: dict[str, Any]) -> None:
        self.world.announce(**draft)
        self.world.deliver_all()

    @precondition(lambda self: self.world.document)
    @rule(which=st.integers(0, 9), notice=NOTICE)
    def moved(self, which: int, notice: timedelta) -> None:
        event_id = self._event(which)
        if self.world.document[event_id].status == SCHEDULED:
            self.world.change(event_id, not_before=self.world.clock.now() + notice)

    @precondition(lambda self: self.world.document)
    @rule(which=st.integers(0, 9))
    def started(self, which: int) -> None:
        self.world.change(self._event(which), status=STARTED, not_before=None)

    @precondition(lambda self: self.world.document)
    @rule(which=st.integers(0, 9))
    def over(self, which: int) -> None:
        self.world.end(self._event(which))

    @rule(name=REPLICA, host=HOST, twice=st.booleans())
    def heard(self, name: str, host: str, twice: bool) -> None:
        if name in self.world.brains:
            self.world.deliver(name, host, twice=twice)

    @rule()
    def all_heard(self) -> None:
        self.world.deliver_all()

    @rule(seconds=st.sampled_from([1, 10, 10, 40, 40, 900]))
    def time_passed(self, seconds: int) -> None:
        self.world.turn(seconds * SECOND)

    @rule(host=HOST)
    def vanished_or_came_back(self, host: str) -> None:
        if self.world.watchers[host].is_alive:
            self.world.silence(host)
        else:
            self.world.revive(host)

    @rule(name=REPLICA, host=HOST)
    def cordoned_or_released(self, name: str, host: str) -> None:
        if name in self.world.brains:
            lift = host in self.world.cordons
            self.loop.run(self.world.release(name, host) if lift else self.world.cordon(name, host))

    @rule(name=REPLICA, kind=st.sampled_from(KINDS), hosts=st.lists(HOST, min_size=1, unique=True), notice=NOTICE)
    def rehearsed(self, name: str, kind: str, hosts: list[str], notice: timedelta) -> None:
        if name in self.world.brains:
            self.loop.run(self.world.rehearse(name, kind, hosts, notice, 30))

    @rule(name=REPLICA)
    def rehearsal_called_off(self, name: str) -> None:
        if name in self.world.brains:
            self.loop.run(self.world.call_off(name))

    @rule(name=REPLICA)
    def fell_due(self, name: str) -> None:
        self.world.turn(SECOND)
        if name in self.world.brains:
            self.loop.run(self.world.brains[name].fire(self._begins))
            self._note_promises()

    @rule(all_of_them=st.booleans())
    def finished(self, all_of_them: bool) -> None:
        for brain in self.world.brains.values():
            for _ in range(len(brain.running) if all_of_them else 1):
                self.loop.run(brain.finish())

    @rule(name=REPLICA)
    def looked(self, name: str) -> None:
        if name in self.world.brains:
            self._look(self.world.brains[name])

    @rule()
    def all_heard_and_looked(self) -> None:
        self.world.deliver_all()
        for brain in (*self.world.brains.values(), *self.world.brains.values()):
            self._look(brain)

    @rule()
    def a_second_passed(self) -> None:
        self.world.deliver_all()
        for name in REPLICAS:
            self.fell_due(name)

    @rule(name=REPLICA)
    def asked(self, name: str) -> None:
        if name in self.world.brains:
            self._ask(self.world.brains[name])

    @rule(name=REPLICA)
    def crashed_or_started(self, name: str) -> None:
        if name in self.world.brains:
            self.loop.run(self.world.crash(name))
        else:
            self._start(name)

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def it_holds(self) -> None:
        self._every_event_that_is_listed_threatens_its_hosts()
        self._no_event_threatens_once_a_watcher_that_saw_it_sees_it_no_more()
        self._replicas_that_have_heard_the_same_decide_the_same()
        self._every_cordon_stands()
        self._no_rehearsal_outlasts_its_time()

    def _no_rehearsal_outlasts_its_time(self) -> None:
        """It ends by the clock alone, and takes nothing with it."""
        now = self.world.clock.now()
        for brain in self.world.brains.values():
            for known in brain.watched.fleet.active_events():
                is_over = is_rehearsal(known.record.event_id) and now >= rehearsal_ends(known.record)
                assert not is_over, (known, brain.owner)
            assert not any(view.loss and is_rehearsal(view.loss.event_id) for view in brain.views.values())

    def _every_event_that_is_listed_threatens_its_hosts(self) -> None:
        for brain in self._informed():
            for event in self.world.document.values():
                if self.world.told_of[event.event_id] & {each.host for each in self.world.alive()}:
                    for host in event.resources:
                        assert event.event_id in threats_of(brain.views[HostKey(host)]), (event, brain.owner)

    def _no_event_threatens_once_a_watcher_that_saw_it_sees_it_no_more(self) -> None:
        alive = {each.host for each in self.world.alive()}
        for brain in self._informed():
            for known in brain.watched.fleet.active_events():
                is_gone = known.record.event_id not in self.world.document
                assert not (is_gone and known.reporters & alive), (known, brain.owner)

    def _replicas_that_have_heard_the_same_decide_the_same(self) -> None:
        brains = self._informed()
        if len(brains) == len(REPLICAS) and all(watcher.is_alive for watcher in self.world.watchers.values()):
            document = self.world.document
            first, second = ([_seen(view, document) for view in brain.views.values()] for brain in brains)
            assert first == second, [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]

    def _every_cordon_stands(self) -> None:
        """An operator's cordon outlives every event, and is lifted for a replica once it has read so."""
        for brain in self.world.brains.values():
            by_hand = {host for host, view in brain.views.items() if MANUAL_EVENT_ID in threats_of(view)}
            assert by_hand == brain.cordons, brain.owner

    def _informed(self) -> list[Brain]:
        return [brain for brain in self.world.brains.values() if brain.has_heard_all]

    def _begins(self, brain: Brain, job: Job, run: Run) -> None:
        """Nothing starts on a host that its rules keep it off."""
        if run.host is None:
            return
        policies, now = brain.work.cases.policies(job), self.world.clock.now()
        for threat in brain.views[run.host.key].threats:
            assert _lets_start(policies.under(threat.traits), threat, job, now), (job.name, run, threat)

    def _look(self, brain: Brain) -> None:
        """Look once: the hosts have the operators' cordons, and what may run is held no more."""
        self.loop.run(brain.watched.steward.look())
        brain.cordons = set(self.world.cordons)
        self._ask(brain)
        self._every_cordon_stands()
        before = self.loop.run(self.world.held())
        self.loop.run(brain.look_through_holds())
        left = self.loop.run(self.world.held())
        self._ended_as_promised(brain, before, left)
        for held in left:
            assert isinstance(brain.decide(held.job, held), Hold), (held, brain.views)

    def _ask(self, brain: Brain) -> None:
        """Ask for the approvals that are due."""
        brain.watched.bus.while_asked = lambda: self._nothing_is_left_to_drain(brain)
        self.loop.run(brain.ask())
        assert self.too_early == []

    def _nothing_is_left_to_drain(self, asking: Brain) -> None:
        """No approval is asked for before every replica is done with the hosts of the event and starts nothing more."""
        asked_for = asking.watched.bus.asked_for[-1]
        assert not is_rehearsal(asked_for)
        event = self.world.document.get(asked_for)
        if event is None or event.status != SCHEDULED:
            return  # what it asks for is over or has begun, which it has yet to hear
        traits = Traits(event.type, event.source, event.duration_seconds)
        for brain in self.world.brains.values():
            for host in map(HostKey, event.resources):
                starting = [job for job in self.world.jobs if _starts_on(brain.decide(job), host)]
                minding = [job.name for job in starting if not brain.ignores(job, traits)]
                if running := [each.claim.job.name for each in brain.waited_for(host, traits)]:
                    self.too_early.append(f"{event} though {running} run on {host} of {brain.owner.session}")
                if minding:
                    self.too_early.append(f"{event} though {minding} may start on {host} of {brain.owner.session}")

    def _note_promises(self) -> None:
        for held in self.loop.run(self.world.held()):
            occurrence = held.occurrence
            policies = next(iter(self.world.brains.values())).work.cases.policies(held.job)
            chosen = policies.under(Traits.read(occurrence.held_under)).on_release
            self.promised[occurrence.id] = OnRelease.RUN_ALL if occurrence.attempt > 1 else chosen

    def _ended_as_promised(self, brain: Brain, before: list[Held], left: list[Held]) -> None:
        """Each held occurrence of a job ends in the way that its policy says, all of them at once."""
        waiting = {held.occurrence.id for held in left}
        by_job: dict[int, list[Held]] = defaultdict(list)
        for held in before:
            by_job[held.job.id].append(held)
        for group in by_job.values():
            gone = [held for held in group if held.occurrence.id not in waiting]
            assert gone in ([], group)
            is_lost = isinstance(brain.decide(group[0].job, group[0]), Lost)
            run_once = [held for held in gone if self.promised[held.occurrence.id] is OnRelease.RUN_ONCE]
            latest = max(run_once, key=lambda held: held.occurrence.due, default=None)
            for held in gone:
                runs = held is latest or self.promised[held.occurrence.id] is OnRelease.RUN_ALL
                ends = [] if runs else [HistoryStatus.SKIPPED]
                assert self._ends(held.occurrence.id) == ([HistoryStatus.MISSED] if is_lost else ends), held

    def _ends(self, occurrence_id: OccurrenceId) -> list[HistoryStatus]:
        return [row.status for row in self._rows() if row.occurrence_id == occurrence_id and row.status in ENDED]

    def _rows(self) -> list[HistoryRow]:
        return [
            row
            for job in self.world.jobs
            for row in self.loop.run(self.world.store.list_history(job.id, top=1000, skip=0))
        ]

    # -- the end of all stories ----------------------------------------------------------------------------------------

    def _let_all_be_over(self) -> None:
        """End every event and cordon, have everybody back, and let all that waits run."""
        for name in REPLICAS:
            if name not in self.world.brains:
                self._start(name)
        for event_id in list(self.world.document):
            self.world.end(event_id)
        for host in HOSTS:
            if not self.world.watchers[host].is_alive:
                self.world.revive(host)
        self.world.deliver_all()
        self.world.turn(max(SURVIVED, LONGEST_NOTICE + LONGEST) + SECOND)
        for host in list(self.world.cordons):
            self.loop.run(self.world.release(REPLICAS[0], host))
        for brain in self.world.brains.values():
            self._look(brain)

    def _every_held_occurrence_has_ended_once(self) -> None:
        """Nothing is held when all threats are over, and each that was held has one end."""
        assert self.loop.run(self.world.held()) == []
        for brain in list(self.world.brains.values()):
            self.world.turn(SECOND)
            self.loop.run(brain.fire(self._begins))
            while brain.running:
                self.loop.run(brain.finish())
        rows = self._rows()
        for occurrence_id in {row.occurrence_id for row in rows if row.status is HistoryStatus.POSTPONED}:
            ends = [row.status for row in rows if row.occurrence_id == occurrence_id and row.status in ENDED]
            assert len(ends) == 1, (occurrence_id, ends)

    # -- small things --------------------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        self.loop.run(self.world.start(name))

    def _event(self, which: int) -> str:
        events = sorted(self.world.document)
        return events[which % len(events)]


def _starts_on(decision: Decision, host: HostKey) -> bool:
    return isinstance(decision, Run) and decision.host is not None and decision.host.key == host


def _lets_start(chosen: ResolvedMaintenance, threat: Threat, job: Job, now: datetime) -> bool:
    """Say, apart from the code under test, whether a threat lets a job start on its host."""
    if chosen.strategy is Strategy.IGNORE:
        return True
    if threat.status == STARTED or threat.closed or threat.not_before is None:
        return False
    left, takes = threat.not_before - now, job.definition.timeout + timedelta(seconds=5)
    if (
        chosen.strategy is Strategy.REROUTE
        and chosen.last_standing is LastStanding.RUN_ON_LEAST_URGENT
        and left > takes
    ):
        return True
    if chosen.lead_time is None:
        return False
    return left > (takes if isinstance(chosen.lead_time, AutoLead) else chosen.lead_time)


def _seen(view: HostView, events: Collection[str]) -> HostView:
    """Return a host with the events that are on; how it comes back from others depends on when it was heard."""
    threats = [replace(threat, closed=False) for threat in view.threats if threat.event_id in events]
    return replace(view, threats=tuple(threats), back_at=None, loss=None)


def test_the_brain_keeps_its_promises_in_any_weather() -> None:
    run_state_machine_as_test(Weather, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
