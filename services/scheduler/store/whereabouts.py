"""The part of the store's port that tells what belongs to one host, and how the database itself stands."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.store.records import Held, Recent

LOOKED_THROUGH = 20_000
"""Of so many rows, the newest, those of one host are found: what is older is not looked for."""

SORTED = 2_000
"""Of more jobs of a host, those that come first are not found for sure."""


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of database this is: its schema level, and how many bytes it takes (None: not known)."""

    kind: str
    level: int | None = None
    size: int | None = None


class Whereabouts(Protocol):
    """Reads only; answers stay within 100 ms with a hundred thousand jobs."""

    async def jobs_by_id(self, ids: Sequence[JobId]) -> list[Job]:
        """Return those of the jobs that exist, in no particular order."""
        ...

    async def jobs_at(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """Return jobs whose own host (`placement.home_name`) is called by one of the names, by collection and name.

        Sorted are no more than SORTED of them.
        """
        ...

    async def held_for(self, place: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Held]:
        """Return what is held for a host (key) or a pool, what was due first first."""
        ...

    async def ran_on(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Recent]:
        """Return the newest rows of a host (by key and name), among the newest LOOKED_THROUGH of all."""
        ...

    async def grounds(self) -> Grounds:
        """Return what kind of database this is. It is asked now: who measures how long that takes knows how it does."""
        ...
