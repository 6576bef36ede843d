"""The umpire of a day: knows what is true in Azure and what the scheduler has been told, and nothing of its reckoning.

I3: nothing is held without a live reason, and every hold ends. I4: nothing is approved before all that heeds the event
has left the hosts it names. An error is never read as "no events".
"""

from datetime import datetime, timedelta

from services.scheduler.domain.policies import LastStanding, Strategy, Traits
from services.scheduler.domain.threats import Case
from services.vmwatch.emulator.events import RehearsedEvent
from shared.bus import Delivery
from shared.messages import Block, Event, EventSnapshot, decode
from shared.topics import HostKey, Topics
from tests.simulation.agenda import Agenda
from tests.simulation.control import Control
from tests.simulation.day.platform import Platform, hosts_of
from tests.simulation.day.posts import Posts
from tests.simulation.executions import Executions
from tests.simulation.ledger import Ledger
from tests.simulation.machines import Machines
from tests.simulation.referee import Referee
from tests.simulation.stores import SimulationStore
from tests.simulation.world import BEGIN, Host

AFTER_CALM = timedelta(seconds=150)
"""How long what is held may outlive its last reason: warm-up (30 s), messages on their way, and a paced release."""
TOLD_BY = timedelta(seconds=30)
"""How long a watcher's older word counts beside a newer one of another's."""
SOON = timedelta(seconds=10)
GIVEN_UP = timedelta(minutes=4)
"""How long all watchers of a group may be silent until what they told does not count any more."""


class Umpire(Referee):
    """Checks starts, approvals, snapshots, holds and the fleet's memory; what should never be goes into the ledger."""

    def __init__(self, ledger: Ledger, platform: Platform, agenda: Agenda, executions: Executions) -> None:
        super().__init__(ledger)
        self.approvals = 0
        self._platform = platform
        self._agenda = agenda
        self._executions = executions
        self._topics = Topics()
        self._told: dict[str, dict[str, tuple[datetime, Event]]] = {}
        self._told_at: dict[str, datetime] = {}
        self._blocks: dict[str, Block] = {}
        self._troubled: dict[str, datetime] = {}
        self._unsure: dict[str, datetime] = {}
        self._sure: dict[str, datetime] = {}
        self._accused: set[str] = set()

    # -- what it sees ------------------------------------------------------------------------------------------------

    def sees(self, host: Host, topic: str, payload: bytes) -> None:
        """Compare a snapshot with the truth of the moment at which it was read."""
        if topic != self._topics.events(host.key):
            return
        shown = {event.event_id: event.status for event in decode(payload, EventSnapshot).events}
        if shown != self._platform.document(host.group):
            self._accuse(f"{host.name} publishes {shown}, true is {self._platform.document(host.group)}")

    def heard(self, delivery: Delivery) -> None:
        """Note what the scheduler is told at this moment."""
        leaf = delivery.topic.partition("/hosts/")[2].split("/")
        if leaf[1] == "events" and delivery.payload:
            for event in decode(delivery.payload, EventSnapshot).events:
                self._told.setdefault(event.event_id, {})[leaf[0]] = (self._agenda.now(), event)
                self._told_at.setdefault(event.event_id, self._agenda.now())
        elif leaf[1] == "blocks":
            self._blocks.pop(delivery.topic, None)
            if delivery.payload:
                self._blocks[delivery.topic] = decode(delivery.payload, Block)

    # -- what it checks as it happens --------------------------------------------------------------------------------

    def asks(self, event_id: str) -> None:
        """Nothing is approved that nobody announced, that is blocked, or while anything runs there that heeds it."""
        self.approvals += 1
        is_first = event_id not in self._asked
        self._asked.add(event_id)
        now = self._agenda.now()
        event = self._platform.event(event_id)
        if event_id not in self._platform.raised:
            self._accuse(f"{event_id} is approved, and was never announced")
        if event is None:
            return
        for host in hosts_of(event):
            if any(_heeds(one.case, event) for one in self._executions.on(host)):
                self._accuse(f"{event_id} is approved at {now} though {host} is not drained")
            # A block that comes after the command comes too late: its watcher repeats it.
            if is_first and any(self._stands(topic, host, now) for topic in self._blocks):
                self._accuse(f"{event_id} is approved at {now} though {host} has a block")

    def check_start(self, case: Case, host: HostKey) -> None:
        """Nothing starts where everything that was said of a live event forbids it."""
        for event in self._platform.live_on(host):
            said = self._said(event.id)
            if event in self._platform.threatening() and said and all(self._forbids(case, each) for each in said):
                self._accuse(f"{case.uid} starts on {host} at {case.now} in spite of {event.id}")

    def check_fleet(self, control: Control, posts: Posts) -> None:
        """What is on and was told is not forgotten, whatever fails; what is over is not remembered for long."""
        now = self._agenda.now()
        for event in self._platform.threatening():
            group = self._platform.hosts[event.resources[0]].group
            told_at, is_seen = self._told_at.get(event.id), any(post.is_sure for post in posts.of(group))
            if told_at is not None and is_seen and now - told_at > SOON and control.fleet.active(event.id) is None:
                self._accuse(f"{event.id} is on, and forgotten")
        for known in control.fleet.active_events():
            ended = self._platform.ended.get(known.record.event_id)
            if ended is not None and self._is_calm_since(max(ended, self._sure_since(posts, known.record.event_id))):
                self._accuse(f"{known.record.event_id} is over since {ended}, and still stands")

    def check_holds(self, store: SimulationStore, machines: Machines) -> None:
        """Nothing is held without a live reason: an event on one of its hosts, a host or a watcher in trouble."""
        now = self._agenda.now()
        hit = {host for event in self._platform.threatening() for host in hosts_of(event)}
        for label in store.holding:
            hosts = [host for host in self._platform.hosts.values() if label in (host.key, host.pool)]
            names = tuple(host.name for host in hosts)
            if any(host.key in hit or not machines.is_up(host.key) for host in hosts):
                self._troubled[label] = now
            since = max(self._troubled.get(label, now), self._calm_since(names))
            self._troubled.setdefault(label, now)
            if self._is_calm_since(since):
                self._accuse(f"held for {label} since {since} without a reason")
        self._troubled = {label: at for label, at in self._troubled.items() if label in store.holding}

    def look_at(self, posts: Posts) -> None:
        """Note who can tell at this moment, and who cannot."""
        now = self._agenda.now()
        for post in posts.by_host.values():
            if not post.is_sure:
                self._unsure[post.host.key] = self._unsure[post.host.group] = now
        for group in {post.host.group for post in posts.by_host.values()}:
            if any(post.is_sure for post in posts.of(group)):
                self._sure[group] = now
            elif now - self._sure.get(group, BEGIN) > GIVEN_UP:
                self._forget(group)

    def check_end(self, control: Control, store: SimulationStore, retained: dict[str, bytes]) -> None:
        """After the day everything is released, and off the bus."""
        for known in control.fleet.active_events():
            self._accuse(f"{known.record.event_id} still stands after the day")
        for label in store.holding:
            self._accuse(f"something is still held for {label} after the day")
        for topic in retained:
            if "/drains/" in topic:
                self._accuse(f"{topic} is still on the bus after the day")

    # -- inside ------------------------------------------------------------------------------------------------------

    def _forget(self, group: str) -> None:
        """Let what was told of a group's events count no more until it is told again."""
        for event_id in self._platform.document(group):
            self._told.pop(event_id, None)
            self._told_at.pop(event_id, None)

    def _calm_since(self, names: tuple[str, ...]) -> datetime:
        """Return since when the watchers of these hosts' groups have all been sure."""
        groups = {self._platform.hosts[name].group for name in names}
        return max(self._unsure.get(group, BEGIN) for group in groups)

    def _sure_since(self, posts: Posts, event_id: str) -> datetime:
        """Return since when any watcher that told of an event has been able to tell."""
        tellers = [posts.by_host[HostKey(host)] for host in self._told.get(event_id, ())]
        sure = [self._unsure.get(each.host.key, BEGIN) for each in tellers if each.is_sure]
        return min(sure, default=self._agenda.now())

    def _is_calm_since(self, since: datetime) -> bool:
        return self._agenda.now() - since > AFTER_CALM

    def _said(self, event_id: str) -> list[Event]:
        """Return the newest words about an event."""
        told = self._told.get(event_id, {}).values()
        newest = max((at for at, _ in told), default=None)
        return [event for at, event in told if newest is not None and newest - at <= TOLD_BY]

    def _forbids(self, case: Case, event: Event) -> bool:
        rule = case.policies.under(Traits(event.type, event.source, event.duration_seconds))
        if rule.strategy is Strategy.IGNORE:
            return False
        may_use_the_notice = rule.lead_time is not None or rule.last_standing is not LastStanding.HOLD_ALL
        return not may_use_the_notice or not self._is_time_left(event, case)

    def _stands(self, topic: str, host: HostKey, now: datetime) -> bool:
        until = self._blocks[topic].until
        return topic.startswith(self._topics.block(host, "")) and (until is None or until > now)

    def _accuse(self, said: str) -> None:
        """Write a fault down, the same one once."""
        if said not in self._accused:
            self._accused.add(said)
            self._ledger.fault(said)


def _heeds(case: Case, event: RehearsedEvent) -> bool:
    rule = case.policies.under(Traits(event.type, event.source, event.duration_seconds))
    return rule.strategy is not Strategy.IGNORE
