"""Empties a node: asks again and again for the pods that are still there, until none is or the time is up.

What is asked follows from the list of pods alone, so that a restart in the middle goes on where the last life was.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from services.vmwatch.kubernetes_settings import BlockedPods, KubernetesSettings
from services.vmwatch.responders.kubernetes.cluster import Cluster
from services.vmwatch.responders.kubernetes.errors import (
    BlockedError,
    BusyError,
    ClusterError,
    ConflictError,
    DeniedError,
    MissingError,
)
from services.vmwatch.responders.kubernetes.objects import Pod
from services.vmwatch.responders.kubernetes.pods import leaves, possible_grace, wanted_grace
from shared.clock import Clock
from shared.logs import get_logger
from shared.retry import Backoff

_AT_A_TIME: Final = 8
"""Evictions under way: an API server's fair share for one client is not much more."""
_NAMED: Final = 5
"""Pods named in an error."""
_ENDING: Final = "is ending"
_log = get_logger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between looks at the node, between requests for a pod, and of pauses while the API server is away.

    A pod that its budget keeps is asked for again after `again`, unless the server says when; kubectl waits as long.
    A kubelet needs `margin` before the deadline to say that a pod has ended. A pod is deleted past its budget
    `head_start` before the time that it may take to end must begin.
    """

    look: float = 1.0
    again: float = 5.0
    first_pause: float = 0.5
    longest_pause: float = 5.0
    margin: float = 2.0
    head_start: float = 5.0


class Emptied(msgspec.Struct, frozen=True, kw_only=True):
    """What an emptying has done: pods that were asked to leave, and those of them deleted past their budget."""

    asked: frozenset[str] = frozenset()
    forced: tuple[str, ...] = ()


class Drain:
    """One emptying of one node, which must be over at `deadline`."""

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        deadline: datetime,
        *,
        settings: KubernetesSettings,
        clock: Clock,
        monotonic: Callable[[], float],
        pace: Pace,
    ) -> None:
        """Ask nothing yet."""
        self._cluster = cluster
        self._node = node
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._pace = pace
        self._asked: set[str] = set()
        self._forced: list[str] = []
        self._reasons: dict[str, str] = {}
        self._again_at: dict[str, float] = {}
        self._slots = asyncio.Semaphore(_AT_A_TIME)
        self.move(deadline)

    def move(self, deadline: datetime) -> None:
        """Have another deadline from now on: pods that would end too late are asked again at the next look."""
        self._deadline = deadline - timedelta(seconds=self._pace.margin)
        self._again_at.clear()

    async def run(self) -> Emptied:
        """Return what was done once all pods have left. Raises ClusterError, which says what is left, in time."""
        backoff = Backoff(first=self._pace.first_pause, limit=self._pace.longest_pause)
        while True:
            try:
                pods = await self._remaining()
                if not pods:
                    return self._emptied
                await self._ask_all(pods)
                backoff.reset()
                pause, trouble = self._pace.look, self._told(pods)
            except BusyError as fault:
                pause, trouble = max(fault.retry_after or 0.0, backoff.next()), str(fault)
                _log.warning("API server not reached", node=self._node, reason=trouble)
            if self._seconds_left <= 0:
                raise ClusterError(trouble)
            await asyncio.sleep(min(pause, self._seconds_left))

    async def rehearse(self) -> tuple[Emptied, str]:
        """Ask once for every pod, of a cluster that changes nothing, and return also what would keep pods here."""
        pods = await self._remaining()
        await self._ask_all(pods)
        kept = [pod for pod in pods if self._reasons.get(pod.uid) != _ENDING]
        return self._emptied, self._told(kept) if kept else ""

    @property
    def _emptied(self) -> Emptied:
        return Emptied(asked=frozenset(self._asked), forced=tuple(self._forced))

    @property
    def _seconds_left(self) -> float:
        return (self._deadline - self._clock.now()).total_seconds()

    async def _remaining(self) -> list[Pod]:
        return [pod for pod in await self._cluster.pods_on(self._node) if leaves(pod, self._settings)]

    async def _ask_all(self, pods: Iterable[Pod]) -> None:
        """Ask for every pod whose turn it is, whatever becomes of the others. Raises DeniedError."""
        results = await asyncio.gather(*(self._ask(pod) for pod in pods), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _ask(self, pod: Pod) -> None:
        if not self._is_due(pod):
            return
        async with self._slots:
            try:
                await self._evict(pod)
            except (MissingError, ConflictError):
                # It has gone in the meantime, or another one has its name: the next look shows which.
                self._note(pod, _ENDING, self._pace.look)
            except DeniedError:
                raise
            except ClusterError as fault:
                asked_for = fault.retry_after if isinstance(fault, BusyError) else None
                self._note(pod, str(fault), asked_for or self._pace.look)

    def _is_due(self, pod: Pod) -> bool:
        """Whether to ask for a pod now; one that is ending is asked again only to be quicker than it would be."""
        if self._monotonic() < self._again_at.get(pod.uid, 0.0):
            return False
        if pod.ends_by is None or pod.ends_by > self._deadline + timedelta(seconds=1):
            return True
        self._reasons[pod.uid] = _ENDING
        return False

    async def _evict(self, pod: Pod) -> None:
        wanted = wanted_grace(pod, self._settings)
        try:
            await self._cluster.evict(pod, possible_grace(wanted, self._seconds_left))
        except BlockedError as fault:
            await self._wait_or_delete(pod, wanted, fault)
        else:
            self._asked.add(str(pod))
            self._note(pod, _ENDING, self._pace.again)

    async def _wait_or_delete(self, pod: Pod, wanted: int, fault: BlockedError) -> None:
        pause = fault.retry_after or self._pace.again
        if self._settings.blocked_pods is BlockedPods.DELETE:
            spare = self._seconds_left - wanted - self._pace.head_start
            if spare <= 0:
                await self._delete(pod, wanted, str(fault))
                return
            pause = min(pause, spare)
        self._note(pod, str(fault), pause)

    async def _delete(self, pod: Pod, wanted: int, why: str) -> None:
        await self._cluster.delete(pod, possible_grace(wanted, self._seconds_left))
        _log.warning("pod deleted past its disruption budget", node=self._node, pod=str(pod), reason=why)
        self._asked.add(str(pod))
        self._forced.append(str(pod))
        self._note(pod, _ENDING, self._pace.again)

    def _note(self, pod: Pod, reason: str, pause: float) -> None:
        self._reasons[pod.uid] = reason
        self._again_at[pod.uid] = self._monotonic() + pause

    def _told(self, pods: list[Pod]) -> str:
        named = [f"{pod}: {self._reasons.get(pod.uid, 'not asked yet')}" for pod in pods[:_NAMED]]
        more = f"; and {len(pods) - _NAMED} more" if len(pods) > _NAMED else ""
        return f"{len(pods)} pods have not left node {self._node}: {'; '.join(named)}{more}"
