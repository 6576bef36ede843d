"""What this replica has claimed and not yet settled: the one place that says whether a claim may still be run."""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum, auto

import msgspec

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.store.records import (
    Claim,
)
from shared.logs import Details

_details = Details(__name__)


class Stage(Enum):
    """How far a claim is: it waits for its instant or turn, it is under way, or its outcome waits to be written."""

    WAITING = auto()
    UNDER_WAY = auto()
    ENDED = auto()


class _Entry(msgspec.Struct):
    claim: Claim
    stage: Stage = Stage.WAITING


class Claims:
    """Claims by occurrence. Timers and queues may hold on to more: what is not in here does not start.

    A claim is known by identity: an older claim of the same occurrence (of a lost lease, of a job replaced since) is
    not the one that stands.
    """

    def __init__(self) -> None:
        self._entries: dict[OccurrenceId, _Entry] = {}
        self._contended: set[OccurrenceId] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, claims: Iterable[Claim]) -> None:
        """Take in what the store has just given us."""
        for claim in claims:
            self._entries[claim.occurrence.id] = _Entry(claim)
            if claim.contended:
                self._contended.add(claim.occurrence.id)
            else:
                self._contended.discard(claim.occurrence.id)
            _details(
                "claimed",
                job=claim.job.name,
                occurrence=claim.occurrence.id,
                attempt=claim.occurrence.attempt,
                fire_at=claim.occurrence.fire_at,
            )

    def unknown(self, claims: Iterable[Claim]) -> list[Claim]:
        """Return those whose occurrence is not in hand at all."""
        return [claim for claim in claims if claim.occurrence.id not in self._entries]

    def has(self, occurrence_id: OccurrenceId) -> bool:
        """Whether an occurrence is in hand, at whatever stage."""
        return occurrence_id in self._entries

    def stands(self, claim: Claim) -> bool:
        """Whether a claim waits here and may start."""
        return self._stage(claim) is Stage.WAITING

    def waiting(self) -> list[Claim]:
        """Return the claims that wait for their instant or turn."""
        return [entry.claim for entry in self._entries.values() if entry.stage is Stage.WAITING]

    def contended(self, until: datetime) -> list[OccurrenceId]:
        """Return the occurrences, to start by `until`, that one of their job on another replica may go before."""
        self._contended &= self._entries.keys()
        entries = ((occurrence_id, self._entries[occurrence_id]) for occurrence_id in self._contended)
        return [
            occurrence_id
            for occurrence_id, entry in entries
            if entry.stage is Stage.WAITING and entry.claim.occurrence.fire_at <= until
        ]

    def clear_way(self, ids: Iterable[OccurrenceId]) -> None:
        """Note that no other occurrence goes before these."""
        self._contended.difference_update(ids)

    def is_contended(self, claim: Claim) -> bool:
        """Whether an occurrence of the same job on another replica may go before this one."""
        return claim.occurrence.id in self._contended

    def begin(self, claim: Claim) -> bool:
        """Put a claim under way; False when it does not stand any more."""
        if not self.stands(claim):
            return False
        self._entries[claim.occurrence.id].stage = Stage.UNDER_WAY
        return True

    def end(self, claim: Claim) -> bool:
        """Note that a claim has its outcome; False when it had one, or is not ours any more: that one is void."""
        if self._stage(claim) not in (Stage.WAITING, Stage.UNDER_WAY):
            return False
        self._entries[claim.occurrence.id].stage = Stage.ENDED
        return True

    def written(self, ids: Iterable[OccurrenceId]) -> None:
        """Forget claims whose outcomes the store has."""
        for occurrence_id in ids:
            entry = self._entries.get(occurrence_id)
            if entry is not None and entry.stage is Stage.ENDED:
                del self._entries[occurrence_id]

    def let_go(self, condition: Callable[[Claim], bool]) -> list[Claim]:
        """Drop the waiting claims that meet `condition`, and return them."""
        dropped = [claim for claim in self.waiting() if condition(claim)]
        for claim in dropped:
            del self._entries[claim.occurrence.id]
            _details("claim dropped", job=claim.job.name, occurrence=claim.occurrence.id)
        return dropped

    def clear(self) -> None:
        """Drop all: the lease they were claimed under is lost."""
        self._entries.clear()
        self._contended.clear()

    def _stage(self, claim: Claim) -> Stage | None:
        entry = self._entries.get(claim.occurrence.id)
        return entry.stage if entry is not None and entry.claim is claim else None
