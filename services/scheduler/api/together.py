"""Jobs that callers put at the same moment, written together: a transaction costs about the same for one as for ten."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.scheduler.api.turns import Turns
from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    JobDraft,
    Written,
)

AT_ONCE = 100
"""Drafts in one transaction: the first must not wait long for the last."""


class _Place(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A draft that waits to be written, and its answer."""

    draft: JobDraft
    now: datetime
    answer: "asyncio.Future[Written]"


class _Line(msgspec.Struct, frozen=True):
    """What may be written together: jobs of one collection, under one limit of their number."""

    collection_id: CollectionId
    most: int | None


class Together:
    """Puts single jobs. Whoever's turn it is writes for all who have come meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = Turns()
        self._waiting: dict[_Line, list[_Place]] = {}

    async def put(
        self, collection_id: CollectionId, draft: JobDraft, now: datetime, *, most: int | None = None
    ) -> Written:
        """Write one draft as `put_jobs` does, and raise what it raises for this draft alone."""
        line = _Line(collection_id, most)
        place = _Place(draft=draft, now=now, answer=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(line, []).append(place)
        try:
            async with self._turns.at(line):
                while not place.answer.done():
                    await self._write(line)
            return await place.answer
        finally:
            # A caller that has gone asks for nothing any more, and leaves no answer that nobody hears.
            if not place.answer.cancel() and not place.answer.cancelled():
                place.answer.exception()

    async def _write(self, line: _Line) -> None:
        waiting = _open(self._waiting.pop(line))
        batch, rest = waiting[:AT_ONCE], waiting[AT_ONCE:]
        if rest:
            self._waiting[line] = rest
        try:
            await self._try(line, batch)
        finally:
            # When this caller goes away in the middle, another one writes what the others wait for.
            if left := _open(batch):
                self._waiting[line] = [*left, *self._waiting.get(line, [])]

    async def _try(self, line: _Line, batch: Sequence[_Place]) -> None:
        """Write all at once; what cannot be written, or not beside the others, must not touch these."""
        drafts, now = [place.draft for place in batch], max(place.now for place in batch)
        try:
            written = await self._store.put_jobs(line.collection_id, drafts, now, most=line.most)
        except Exception as fault:  # noqa: BLE001 - given to whoever it concerns
            if len(batch) > 1 and not isinstance(fault, StoreUnavailableError):
                for place in batch:
                    await self._try(line, [place])
                return
            for place in _open(batch):
                place.answer.set_exception(fault)
        else:
            for place, one in zip(batch, written, strict=True):
                if not place.answer.done():
                    place.answer.set_result(one)


def _open(batch: Sequence[_Place]) -> list[_Place]:
    return [place for place in batch if not place.answer.done()]
