"""Takes over the lives of replicas that died or hang: who is over is decided here, by looking again and again."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from services.scheduler.dispatch.lease import Lease
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import Guard, Life, SessionId
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

LOOK_SECONDS = 0.5
GAP = timedelta(seconds=2)
"""After so long without a look, or an answer to one, each life gets its time anew: nobody could renew, or we slept."""
LOST_FOR = timedelta(seconds=0.9)
"""For how long a lock must be seen to be free, in three looks: the owner of a broken connection is back much sooner."""
SHAKEN_FOR = timedelta(seconds=10)
"""After the own guard broke, others' locks say nothing for so long: a restarted server has lost everybody's."""


class Cause(StrEnum):
    """Why a life is over: its process is gone, or has been silent for its lease."""

    DEAD = "dead"
    HUNG = "hung"


class _Seen(msgspec.Struct):
    """A life as it was seen first, and since when: unchanged, and with its lock free."""

    life: Life
    silent_from: timedelta
    lost_from: timedelta | None


class Vigil:
    """Watches lives by what changes between looks, on this process's steady time alone.

    No clock of day is compared: neither skewed ones nor one that is set can end a life that renews its lease, or keep
    one that does not.
    """

    def __init__(self) -> None:
        self._seen: dict[SessionId, _Seen] = {}
        self._looked_at = -GAP
        self._locks_tell_from = timedelta(0)

    def shake(self, at: timedelta) -> None:
        """Note that the own guard broke or has come back."""
        self._locks_tell_from = at + SHAKEN_FOR

    def forget(self) -> None:
        """Give each life its time anew."""
        self._seen.clear()

    def over(self, lives: list[Life], at: timedelta) -> dict[SessionId, Cause]:
        """Take a look, made at a moment of steady time, and return whose life is over by all looks so far."""
        if at - self._looked_at > GAP:
            self.forget()
        self._looked_at = at
        self._seen = {life.owner.session: self._next(life, at) for life in lives}
        causes = {session: self._cause(seen, at) for session, seen in self._seen.items()}
        return {session: cause for session, cause in causes.items() if cause is not None}

    def _next(self, life: Life, at: timedelta) -> _Seen:
        before = self._seen.get(life.owner.session)
        unchanged = before is not None and before.life.lease_until == life.lease_until
        lost_before = before.lost_from if before is not None and unchanged else None
        lost = life.guard is Guard.LOST and at >= self._locks_tell_from
        return _Seen(
            life=life,
            silent_from=before.silent_from if before is not None and unchanged else at,
            lost_from=(lost_before or at) if lost else None,
        )

    def _cause(self, seen: _Seen, at: timedelta) -> Cause | None:
        if seen.lost_from is not None and at - seen.lost_from >= LOST_FOR:
            return Cause.DEAD
        return Cause.HUNG if at - seen.silent_from >= seen.life.lease else None


class Rescue:
    """The duty: `look` about twice a second."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lease: Lease,
        metrics: Metrics,
        *,
        rescued: Callable[[], None],
        seen: Callable[[Sequence[SessionId], SessionId], None] = lambda _sessions, _own: None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rescued` hears that there is something to claim, `seen` at each look who is registered, and who we are."""
        self._store = store
        self._clock = clock
        self._lease = lease
        self._metrics = metrics
        self._rescued = rescued
        self._seen = seen
        self._steady = steady
        self._vigil = Vigil()
        self._lapses = lease.lapses

    def shake(self) -> None:
        """Note that the own guard broke or has come back."""
        self._vigil.shake(self._at())

    async def look(self) -> None:
        """Take over whose life is over, unless our own lease is in doubt itself.

        A store that was away, or a freeze of this process, lets every lease run out: from then on each has its time.
        """
        if self._lapses != self._lease.lapses or not self._lease.is_proven:
            self._lapses = self._lease.lapses
            self._vigil.forget()
        if not self._lease.is_proven:
            return
        try:
            own = self._lease.owner
            found = await self._store.lives()
            self._seen([life.owner.session for life in found], own.session)
            lives = [life for life in found if life.owner != own]
            causes = self._vigil.over(lives, self._at())
            over = [life for life in lives if life.owner.session in causes]
            ended = await self._store.take_over(over, self._clock.now()) if over else {}
        except StoreUnavailableError as fault:
            log.warning("rescue waits for the store", error=str(fault))
            return
        if ended:
            self._tell(ended, {life.owner.session: life.replica for life in over}, causes)

    def _tell(self, ended: dict[SessionId, int], names: dict[SessionId, str], causes: dict[SessionId, Cause]) -> None:
        for session, count in ended.items():
            cause = causes[session]
            self._metrics.lease_takeovers.labels(cause.value).inc()
            self._metrics.rescued.inc(count)
            log.warning("life taken over", replica=names[session], session=session, cause=cause.value, count=count)
        self._rescued()

    def _at(self) -> timedelta:
        return timedelta(seconds=self._steady())
