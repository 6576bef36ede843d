"""Lives of replicas in memory; nothing guards them but their leases."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.errors import LeaseLostError
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import SENT_AHEAD
from services.scheduler.store.records import Life, Ownership, SessionId


class LifeVerbs:
    """The verbs with which a replica lives, and others end its life."""

    _state: State
    _new_id: Callable[[], str]

    async def register(self, replica: str, now: datetime, lease: timedelta) -> Ownership:
        """See the port."""
        owner = Ownership(SessionId(self._new_id()), next(self._state.numbers))
        self._state.lives[owner.fence] = Life(owner=owner, replica=replica, lease_until=now + lease, lease=lease)
        return owner

    async def renew(self, owner: Ownership, now: datetime, lease: timedelta) -> None:
        """See the port."""
        check_registered(self._state, owner)
        life = self._state.lives[owner.fence]
        self._state.lives[owner.fence] = replace(life, lease_until=now + lease, lease=lease)

    async def resign(self, owner: Ownership) -> None:
        """See the port."""
        if self._state.is_registered(owner):
            self._end(owner, None)

    async def lives(self) -> list[Life]:
        """See the port."""
        return [life for _, life in sorted(self._state.lives.items())]

    async def take_over(self, lives: Sequence[Life], now: datetime) -> dict[SessionId, int]:
        """See the port."""
        unchanged = [life for life in lives if self._state.lives.get(life.owner.fence) == life]
        return {life.owner.session: self._end(life.owner, now) for life in unchanged}

    def _end(self, owner: Ownership, now: datetime | None) -> int:
        """End a life: its claims become READY, with attempt + 1 where it may have been sent by `now`."""
        mine = [self._state.occurrences[id_] for id_, fence in list(self._state.owners.items()) if fence == owner.fence]
        for one in mine:
            may_have_fired = now is not None and one.fire_at <= now + SENT_AHEAD
            self._state.put(replace(one, state=OccurrenceState.READY, attempt=one.attempt + may_have_fired))
        del self._state.lives[owner.fence]
        self._state.drains = {key: report for key, report in self._state.drains.items() if key[2] != owner.session}
        return len(mine)


def check_registered(state: State, owner: Ownership) -> None:
    """Raise LeaseLostError unless the session is registered."""
    if not state.is_registered(owner):
        raise LeaseLostError(f"session {owner.session} (fence {owner.fence}) was taken over")
