"""The memory store, with what a simulation asks for very often answered from indexes."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import DrainReport, Held, Ownership, Release, SessionId


class SimulationStore(MemoryStore):
    """Keeps holds and drain reports itself; all else is the memory store's.

    `list_held` gives only what is worth a look: held for a host or pool that has changed since it was last given, or
    whose occurrences were not all let go then.
    """

    def __init__(self) -> None:
        numbers = count(1)
        super().__init__(lambda: f"session-{next(numbers)}")
        self._drains: dict[str, dict[tuple[str, SessionId], DrainReport]] = {}
        self._held: dict[str, dict[OccurrenceId, Held]] = {}
        self._labels: dict[OccurrenceId, str] = {}
        self._changed: set[str] = set()
        self._page: list[Held] = []
        self._given = 0
        self._last: dict[str, datetime] = {}
        self.let_go: list[tuple[Held, Release]] = []

    # -- holds -------------------------------------------------------------------------------------------------------

    def hold(self, held: Held) -> None:
        """Keep an occurrence that waits for a host or pool; it may have changed while this was decided."""
        label = held.occurrence.host or ""
        self._held.setdefault(label, {})[held.occurrence.id] = held
        self._labels[held.occurrence.id] = label

    def note_change(self, label: str) -> None:
        """What is held for a host or pool is worth a look."""
        if label in self._held:
            self._changed.add(label)

    @property
    def is_worth_a_look(self) -> bool:
        """Whether anything is held for what has changed."""
        return bool(self._changed)

    @property
    def holding(self) -> list[str]:
        """The hosts and pools that anything is held for."""
        return sorted(self._held)

    async def list_held(self, *, after: OccurrenceId | None = None, limit: int = 500) -> list[Held]:
        """Return a page of what is worth a look."""
        if after is None:
            found = (held for label in sorted(self._changed) for held in self._held.get(label, {}).values())
            self._page, self._given = list(found), 0
            self._changed.clear()
        page = self._page[self._given : self._given + limit]
        self._given += limit
        return page

    async def release(self, releases: Sequence[Release]) -> frozenset[OccurrenceId]:
        """Let occurrences go; what becomes of them stands in `let_go`."""
        done: set[OccurrenceId] = set()
        for release in releases:
            held = self._take(release.occurrence_id)
            if held is not None:
                done.add(release.occurrence_id)
                self.let_go.append((held, release))
                if release.fire_at is not None:
                    label = held.occurrence.host or ""
                    self._last[label] = max(release.fire_at, self._last.get(label, release.fire_at))
        return frozenset(done)

    async def last_releases(self, now: datetime) -> dict[str, datetime]:
        """See the port."""
        self._last = {label: at for label, at in self._last.items() if at > now}
        return self._last.copy()

    def _take(self, occurrence_id: OccurrenceId) -> Held | None:
        label = self._labels.pop(occurrence_id, None)
        if label is None:
            return None
        held = self._held[label].pop(occurrence_id)
        if not self._held[label]:
            del self._held[label]
        return held

    # -- drains ------------------------------------------------------------------------------------------------------

    async def report_drain(self, owner: Ownership, report: DrainReport) -> None:
        """See the port."""
        self._drains.setdefault(report.event_id, {})[report.host, owner.session] = report

    async def drain_reports(self, event_id: str) -> list[tuple[SessionId, DrainReport]]:
        """See the port."""
        live = await self.live_sessions()
        return [(session, report) for (_, session), report in self._drains.get(event_id, {}).items() if session in live]
