"""What a day brings, by one seed: events of every kind and course, and troubles with all that tells of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Protocol

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from shared.bus import Publication
from shared.messages import Block, encode
from shared.topics import HostKey, Topics
from tests.simulation.agenda import Agenda
from tests.simulation.day.broker import Broker, Work
from tests.simulation.day.platform import Platform
from tests.simulation.day.posts import Posts
from tests.simulation.machines import Machines
from tests.simulation.rollout import NOTICE
from tests.simulation.world import Host

KINDS = (
    ("Freeze", 30),
    ("Reboot", 25),
    ("Redeploy", 12),
    ("Preempt", 8),
    ("Terminate", 8),
    ("HostAgentUpdate", 7),
    ("SpotRebalanceRecommendation", 5),
)
"""Types of events and how many of a hundred, roughly; the last but one is a type that nobody knows."""
ADVICE, ADVISORY = "SpotRebalanceRecommendation", "Advisory"
STATUSES = (400, 404, 405, 410, 429, 500, 503)
NEVER = 10 * 24 * 3600.0
"""Seconds: an event that Azure never ends, until somebody at Azure does after the day."""
_USUAL_NOTICE = 900.0


class Scene(Protocol):
    """What mischief is done to."""

    agenda: Agenda
    machines: Machines
    platform: Platform
    broker: Broker
    posts: Posts

    def do(self, work: Work) -> None:
        """Have something awaited."""
        ...

    async def restart_scheduler(self) -> None:
        """End the scheduler's life and begin another."""
        ...


class Mischief:
    """The events and troubles of a day; `done` counts them."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._scene = scene
        self._random = Random(f"mischief {seed}")
        self._topics = Topics()

    def plan(self, span: timedelta, events: int, troubles: int) -> None:
        """Spread so many of each over a span, and leave the last tenth of it quiet."""
        ways: Sequence[tuple[Callable[[], None], int]] = (
            (self._fault, 10),
            (self._kill, 4),
            (self._block, 4),
            (self._reset, 2),
            (self._forget, 1),
            (self._blank, 1),
            (self._restart, 1),
        )
        kinds, weights = [way for way, _ in ways], [weight for _, weight in ways]
        acts = [self._event] * events + self._random.choices(kinds, weights, k=troubles)
        for act in acts:
            self._scene.agenda.after(self._random.uniform(0.0, 0.9) * span.total_seconds(), act)

    # -- events ------------------------------------------------------------------------------------------------------

    def _event(self) -> None:
        hosts = self._hosts()
        if not hosts:
            return
        kind = self._random.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
        event_id = self._scene.platform.announce(self._draft(kind, hosts))
        self.done[kind] += 1
        self.done["several hosts"] += len(hosts) > 1
        if self._random.random() < 0.35:
            turn = self._random.choice((self._cancel, self._hurry, self._delay, self._approve))
            wait = self._random.uniform(1.0, 1.2 * NOTICE.get(kind, _USUAL_NOTICE))
            self._scene.agenda.after(wait, lambda: turn(event_id))

    def _draft(self, kind: str, hosts: Sequence[Host]) -> Draft:
        status, length = SCHEDULED, self._random.uniform(20.0, 900.0)
        chance = self._random.random()
        if kind == ADVICE:
            status = ADVISORY
        elif chance < 0.12:
            status = STARTED
            self.done["born Started"] += 1
        elif chance < 0.14:
            length = NEVER
            self.done["never-ending"] += 1
        return Draft(
            type=kind,
            status=status,
            resources=tuple(host.name for host in hosts),
            source="User" if self._random.random() < 0.3 else "Platform",
            notice_seconds=NOTICE.get(kind, _USUAL_NOTICE) * self._random.uniform(0.3, 1.0),
            duration_seconds=self._random.choice((-1, 0, 5, 9, 30, 600)),
            started_seconds=length,
        )

    def _hosts(self) -> list[Host]:
        """Return whom an event hits: one host of a group, or some of it, never one that is away."""
        present = [host for host in self._scene.platform.hosts.values() if self._scene.machines.is_up(host.key)]
        if not present:
            return []
        first = self._random.choice(present)
        peers = [host for host in present if host.group == first.group and host is not first]
        more = self._random.choice((1, 2, 3)) if self._random.random() < 0.2 else 0
        return [first, *self._random.sample(peers, min(more, len(peers)))]

    def _cancel(self, event_id: str) -> None:
        self._change(event_id, "cancelled", lambda: self._scene.platform.stage.cancel(event_id))

    def _hurry(self, event_id: str) -> None:
        self._move(event_id, "rescheduled earlier", (5.0, 60.0))

    def _delay(self, event_id: str) -> None:
        self._move(event_id, "rescheduled later", (600.0, 3600.0))

    def _approve(self, event_id: str) -> None:
        self._change(event_id, "foreign approvals", lambda: self._scene.platform.stage.approve_centrally(event_id))

    def _move(self, event_id: str, name: str, seconds: tuple[float, float]) -> None:
        to = self._random.uniform(*seconds)
        self._change(event_id, name, lambda: self._scene.platform.stage.reschedule(event_id, to))

    def _change(self, event_id: str, name: str, change: Callable[[], object]) -> None:
        """Change an event, unless it has started, or begins because somebody has approved it."""
        event = self._scene.platform.event(event_id)
        if event is not None and event.is_scheduled and not event.approved_by:
            change()
            self.done[name] += 1
            self._scene.platform.settle()

    # -- troubles ----------------------------------------------------------------------------------------------------

    def _fault(self) -> None:
        """Let the metadata service of one VM, or of a whole group, fail for a while."""
        host, kind = self._any(), self._random.choice([kind for kind in FaultKind if kind is not FaultKind.SLOW])
        status = self._random.choice(STATUSES)
        costly = kind in (FaultKind.TIMEOUT, FaultKind.HUGE)
        is_shared = not costly and self._random.random() < 0.2
        for victim in self._scene.posts.of(host.group) if is_shared else [self._scene.posts.by_host[host.key]]:
            fault = Fault(
                kind=kind,
                status=status,
                vm=victim.host.name,
                count=self._random.randint(1, 3) if costly else None,
                seconds=self._random.uniform(1.0, 300.0),
                endpoint=self._random.choices([Endpoint.EVENTS, Endpoint.INSTANCE], [9, 1])[0],
            )
            self._scene.platform.stage.faults.add(fault, self._scene.agenda.now())
            victim.poll_soon()
        self.done[f"fault {status}" if kind is FaultKind.STATUS else f"fault {kind}"] += 1

    def _kill(self) -> None:
        """End a watcher, mostly by force, and start it again a moment or minutes later."""
        post = self._scene.posts.by_host[self._any().key]
        says_goodbye = self._random.random() < 0.3
        self._scene.do(lambda: post.end(says_goodbye=says_goodbye))
        self._scene.agenda.after(self._random.uniform(0.5, 400.0), lambda: self._scene.do(post.begin))
        self.done["watchers restarted" if says_goodbye else "watchers killed"] += 1

    def _block(self) -> None:
        """Let a third party hold up approvals on a host, with or without an end, and mostly clear that again."""
        host = self._any().key
        until = self._scene.agenda.now() + timedelta(seconds=self._random.uniform(30.0, 1200.0))
        block = Block(reason="a backup runs", until=until if self._random.random() < 0.6 else None)
        self._say_block(host, encode(block))
        self._scene.agenda.after(self._random.uniform(10.0, 1500.0), lambda: self._say_block(host, b""))
        self.done["blocks"] += 1

    def _say_block(self, host: HostKey, payload: bytes) -> None:
        topic = self._topics.block(host, "backup")
        self._scene.broker.publish(f"backup {host}", Publication(topic=topic, payload=payload, retain=True))

    def _reset(self) -> None:
        """Let the incarnation fall or jump."""
        self._scene.platform.stage.reset(self._random.choice((1, 1, 1000, 2)))
        for post in self._scene.posts.by_host.values():
            post.poll_soon()
        self.done["incarnation resets"] += 1

    def _forget(self) -> None:
        """Let the broker lose what it retained; all who own some publish it again."""
        self._scene.broker.forget()
        for post in self._scene.posts.by_host.values():
            self._scene.agenda.after(self._random.uniform(0.1, 5.0), post.tell_again)
        self.done["retained state lost"] += 1

    def _blank(self) -> None:
        """Let a third party empty a host's retained topics; their owner puts them back."""
        post = self._scene.posts.by_host[self._any().key]
        for topic in (self._topics.events(post.host.key), self._topics.status(post.host.key)):
            self._scene.broker.publish("vandal", Publication(topic=topic, payload=b"", retain=True))
        self._scene.agenda.after(6.0, post.tell_again)
        self.done["topics emptied"] += 1

    def _restart(self) -> None:
        self._scene.do(self._scene.restart_scheduler)
        self.done["schedulers restarted"] += 1

    def _any(self) -> Host:
        return self._random.choice(list(self._scene.platform.hosts.values()))
