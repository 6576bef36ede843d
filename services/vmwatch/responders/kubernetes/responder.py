"""The Kubernetes responder: closes this VM's node for an event, empties it, and opens it again afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.responder_settings import ResponderName
from services.vmwatch.responders.base import Errand
from services.vmwatch.responders.kubernetes import remarks
from services.vmwatch.responders.kubernetes.cluster import Cluster, OpenCluster
from services.vmwatch.responders.kubernetes.errors import BusyError, ClusterError, MissingError
from services.vmwatch.responders.kubernetes.evictions import Drain, Pace
from services.vmwatch.responders.kubernetes.marks import Claim, Cordon, close, read_mark, reopen
from services.vmwatch.responders.kubernetes.nodes import NodeFinder, change
from services.vmwatch.responders.kubernetes.objects import Node, Remark
from services.vmwatch.responders.kubernetes.policy import mode_for
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Event
from shared.retry import Backoff

T = TypeVar("T")

_WITHOUT_DEADLINE: Final = timedelta(minutes=4)
"""How long the work may take when the event may begin at any moment: the desk waits no longer than five minutes."""
_LONGEST_TIDYING_PAUSE: Final = 60.0
_log = get_logger(__name__)


class KubernetesResponder:
    """Does what the settings say for each event; all that it knows of earlier ones stands on the node itself."""

    def __init__(
        self,
        settings: KubernetesSettings,
        open_cluster: OpenCluster,
        *,
        clock: Clock,
        monotonic: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        """Ask nothing yet; the cluster is opened anew for each call."""
        self._settings = settings
        self._open = open_cluster
        self._clock = clock
        self._monotonic = monotonic
        self._pace = pace or Pace()
        self._finder = NodeFinder(settings.node)
        self._under_way: dict[str, Drain] = {}
        self._closed_for: set[str] = set()

    @property
    def name(self) -> str:
        """`kubernetes`."""
        return ResponderName.KUBERNETES

    def concerns(self, event: Event) -> bool:
        """Whether an event closes the node."""
        return mode_for(event, self._settings) is not KubernetesMode.OFF

    async def prepare(self, errand: Errand) -> None:
        """Close the node, and empty it where that is set. Raises ClusterError in time, with what is left to do."""
        self._closed_for.add(errand.event.event_id)
        deadline = errand.deadline or self._clock.now() + _WITHOUT_DEADLINE
        async with self._open(errand.host) as cluster:
            node = await self._patiently(deadline, lambda: self._close(cluster, errand))
            if mode_for(errand.event, self._settings) is KubernetesMode.DRAIN:
                await self._empty(cluster, node, errand, deadline)

    async def drained(self, errand: Errand) -> None:
        """Write on the node that it is ready for the event. Raises ClusterError."""
        await self._write(errand, remarks.drained(errand))

    async def failed(self, errand: Errand, why: str) -> None:
        """Write on the node why it is not ready; it stays closed, for the event comes all the same."""
        await self._write(errand, remarks.failed(errand, why))

    async def resume(self, errand: Errand) -> None:
        """Open the node again if it was open before and no other event stands. Raises ClusterError."""
        self._closed_for.discard(errand.event.event_id)
        async with self._open(errand.host) as cluster:
            try:
                node = await self._find(cluster, errand)
            except MissingError:
                _log.info("node gone with its VM", host=errand.host, event_id=errand.event.event_id)
                return
            after = await change(cluster, node, lambda fresh: reopen(fresh, self._standing(errand.others)))
            if after is not None and read_mark(after) is None:
                _log.info("node released", node=after.name, event_id=errand.event.event_id, still_closed=after.closed)
                remark = remarks.left_cordoned(errand) if after.closed else remarks.uncordoned(errand)
                await _remark(cluster, after.name, remark)

    def reschedule(self, errand: Errand) -> None:
        """Hear that an event that is prepared for may begin at another time than was known."""
        drain = self._under_way.get(errand.event.event_id)
        if drain is not None and errand.deadline is not None:
            drain.move(errand.deadline)

    async def tidy(self, host: str, computer_name: str, standing: Callable[[], Iterable[Event]]) -> None:
        """Open a node whose mark is older than all that the watcher remembers, as after a new disk.

        `standing` gives the events that hit this host at the time. Raises ClusterError.
        """
        backoff = Backoff(first=1, limit=_LONGEST_TIDYING_PAUSE)
        while True:
            try:
                await self._tidy(host, computer_name, standing)
            except BusyError as fault:
                _log.warning("API server not reached", reason=str(fault))
                await asyncio.sleep(max(fault.retry_after or 0.0, backoff.next()))
            else:
                return

    async def rehearse(self, errand: Errand) -> None:
        """Have the API server judge all that `prepare` would do, and change nothing. Raises ClusterError."""
        async with self._open(errand.host, dry_run=True) as cluster:
            node = await self._close(cluster, errand)
            kept, asked = "", 0
            if mode_for(errand.event, self._settings) is KubernetesMode.DRAIN:
                deadline = errand.deadline or self._clock.now() + _WITHOUT_DEADLINE
                emptied, kept = await self._drain(cluster, node, deadline).rehearse()
                asked = len(emptied.asked)
            _log.info("dry run: node judged", node=node.name, event_id=errand.event.event_id, pods=asked, kept=kept)

    async def _tidy(self, host: str, computer_name: str, standing: Callable[[], Iterable[Event]]) -> None:
        async with self._open(host) as cluster:
            node = await self._finder.find(cluster, host, computer_name)
            after = await change(cluster, node, lambda fresh: reopen(fresh, self._concerned(standing())))
            if after is not None and read_mark(after) is None:
                _log.info("node released after a restart", node=after.name, still_closed=after.closed)
                await _remark(cluster, after.name, remarks.tidied(is_open=not after.closed))

    def _concerned(self, events: Iterable[Event]) -> list[str]:
        return [event.event_id for event in events if self.concerns(event)]

    def _standing(self, others: Iterable[Event]) -> list[str]:
        """Return the other events that keep the node closed, those too that came while the API server was slow."""
        return [*dict.fromkeys((*self._concerned(others), *sorted(self._closed_for)))]

    async def _find(self, cluster: Cluster, errand: Errand) -> Node:
        return await self._finder.find(cluster, errand.host, errand.computer_name)

    async def _close(self, cluster: Cluster, errand: Errand) -> Node:
        node = await self._find(cluster, errand)
        event = errand.event
        claim = Claim(
            host=errand.host,
            event_id=event.event_id,
            event_type=event.type,
            standing=frozenset(other.event_id for other in errand.others),
            taint=self._settings.taint,
        )
        now = self._clock.now()
        after = await change(cluster, node, lambda fresh: close(fresh, claim, now))
        if after is None:
            return node
        mark = read_mark(after)
        ours = mark is not None and mark.cordon is Cordon.OURS
        _log.info("node cordoned", node=after.name, event_id=event.event_id, ours=ours)
        await _remark(cluster, after.name, remarks.cordoned(errand, ours=ours))
        return after

    async def _empty(self, cluster: Cluster, node: Node, errand: Errand, deadline: datetime) -> None:
        drain = self._under_way[errand.event.event_id] = self._drain(cluster, node, deadline)
        try:
            done = await drain.run()
        finally:
            self._under_way.pop(errand.event.event_id, None)
        _log.info("node emptied", node=node.name, event_id=errand.event.event_id, pods=len(done.asked))
        if done.forced:
            await _remark(cluster, node.name, remarks.forced(errand, done.forced))
        await _remark(cluster, node.name, remarks.emptied(errand, done))

    def _drain(self, cluster: Cluster, node: Node, deadline: datetime) -> Drain:
        return Drain(
            cluster,
            node.name,
            deadline,
            settings=self._settings,
            clock=self._clock,
            monotonic=self._monotonic,
            pace=self._pace,
        )

    async def _patiently(self, deadline: datetime, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, tried again while the API server is away. Raises ClusterError in time."""
        backoff = Backoff(first=self._pace.first_pause, limit=self._pace.longest_pause)
        while True:
            try:
                return await work()
            except BusyError as fault:
                left = (deadline - self._clock.now()).total_seconds() - self._pace.margin
                if left <= 0:
                    raise
                _log.warning("API server not reached", reason=str(fault))
                await asyncio.sleep(min(left, max(fault.retry_after or 0.0, backoff.next())))

    async def _write(self, errand: Errand, remark: Remark) -> None:
        async with self._open(errand.host) as cluster:
            node = await self._find(cluster, errand)
            await _remark(cluster, node.name, remark)


async def _remark(cluster: Cluster, node: str, remark: Remark) -> None:
    """Write a Kubernetes Event; without it everything goes on, for it only tells."""
    try:
        await cluster.remark(node, remark)
    except ClusterError as fault:
        _log.warning("Kubernetes Event not written", node=node, reason=remark.reason, fault=str(fault))
