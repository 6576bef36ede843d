"""What became of every occurrence, and the judge's book: whatever should never happen is written down here."""

from collections import Counter
from datetime import datetime

import msgspec

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from tests.simulation.world import BEGIN

FAULTS_TOLD = 20


class Entry(msgspec.Struct, kw_only=True, gc=False):
    """One occurrence that is not over; `ran` counts the attempts that reached a VM that was up."""

    job: JobId
    due: datetime
    ran: int = 0
    is_running: bool = False
    was_held: bool = False
    was_moved: bool = False


class Tally(msgspec.Struct, kw_only=True):
    """Everything that is counted while a variant runs; instants are seconds from the beginning.

    `fates`: occurrences by how they ended. `on_the_way`: what happened to them before. `reasons`: why some did not run.
    `late`: seconds from due to the start of what was done. `failed_at`, `held_at` (+1, -1): when.
    """

    fates: Counter[str] = msgspec.field(default_factory=Counter)
    on_the_way: Counter[str] = msgspec.field(default_factory=Counter)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    late: list[float] = msgspec.field(default_factory=list)
    failed_at: list[float] = msgspec.field(default_factory=list)
    held_at: list[tuple[float, int]] = msgspec.field(default_factory=list)
    due: int = 0
    faults: int = 0
    told: list[str] = msgspec.field(default_factory=list)


class Ledger:
    """Entries from due to done; each ends once."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.dues: Counter[JobId] = Counter()
        self._open: dict[OccurrenceId, Entry] = {}
        self._last_due: dict[JobId, datetime] = {}

    def __len__(self) -> int:
        """Return how many occurrences are not over."""
        return len(self._open)

    def due(self, occurrence_id: OccurrenceId, job: JobId, due: datetime) -> None:
        """Open an entry: each due instant of a job comes once, and in order."""
        last = self._last_due.get(job)
        if occurrence_id in self._open or (last is not None and last >= due):
            self.fault(f"job {job} was planned again for {due}, after {last}")
        self._last_due[job] = due
        self._open[occurrence_id] = Entry(job=job, due=due)
        self.dues[job] += 1
        self.tally.due += 1

    def held(self, occurrence_id: OccurrenceId, now: datetime) -> None:
        """An occurrence waits for a host."""
        entry = self._open[occurrence_id]
        self.tally.on_the_way["held"] += not entry.was_held
        entry.was_held = True
        self.tally.held_at.append((_seconds(now), 1))

    def let_go(self, now: datetime) -> None:
        """An occurrence that was held need not wait any more."""
        self.tally.held_at.append((_seconds(now), -1))

    def moved(self, occurrence_id: OccurrenceId) -> None:
        """An occurrence runs elsewhere than it would have."""
        entry = self._open[occurrence_id]
        self.tally.on_the_way["moved"] += not entry.was_moved
        entry.was_moved = True

    def begun(self, occurrence_id: OccurrenceId, *, reached: bool) -> None:
        """An attempt starts, on a VM that is up if `reached`."""
        entry = self._open.get(occurrence_id)
        if entry is None or entry.is_running:
            self.fault(f"occurrence {occurrence_id} starts though it {'runs' if entry else 'is over'}")
            return
        entry.is_running = True
        entry.ran += reached
        self.tally.on_the_way["attempts"] += 1
        self.tally.on_the_way["repeated"] += reached and entry.ran > 1

    def ended(self, occurrence_id: OccurrenceId, how: str = "") -> None:
        """An attempt is over; `how` names what an interruption did to it, if it did."""
        self._open[occurrence_id].is_running = False
        if how:
            self.tally.on_the_way[how] += 1

    def over(self, occurrence_id: OccurrenceId, fate: str, now: datetime, *, reason: str = "") -> None:
        """Close an entry; `now` is when, or when the attempt began that did it."""
        entry = self._open.pop(occurrence_id, None)
        if entry is None:
            self.fault(f"occurrence {occurrence_id} ends twice")
            return
        self.tally.fates[fate] += 1
        if reason:
            self.tally.reasons[reason] += 1
        if fate == "done":
            self.tally.late.append((now - entry.due).total_seconds())
        elif fate == "failed":
            self.tally.failed_at.append(_seconds(now))

    def fault(self, said: str) -> None:
        """Write down what should never have happened."""
        self.tally.faults += 1
        if len(self.tally.told) < FAULTS_TOLD:
            self.tally.told.append(said)


def _seconds(instant: datetime) -> float:
    return (instant - BEGIN).total_seconds()
