"""Jobs that are put at the same moment are written in one transaction, and none is touched by what another one is."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace

from services.scheduler.api.together import Together
from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import ConflictError, NoRoomError, NotFoundError, StoreUnavailableError
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import JobDraft, Written
from tests.parts.stored import NOW, draft, put_collection


class SlowStore(MemoryStore):
    """Writes when it is let, and remembers how many drafts came together."""

    def __init__(self) -> None:
        super().__init__(lambda: "session")
        self.sizes: list[int] = []
        self.has_begun = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.is_away = False

    async def put_jobs(
        self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime, *, most: int | None = None
    ) -> list[Written]:
        """See the port."""
        self.sizes.append(len(drafts))
        self.has_begun.set()
        await self.goes_on.wait()
        if self.is_away:
            raise StoreUnavailableError("away")
        return await super().put_jobs(collection_id, drafts, now, most=most)


async def _at_once(
    store: SlowStore, *drafts: JobDraft, most: int | None = None, cancelled: Sequence[int] = ()
) -> list[Written | BaseException]:
    """Put drafts at the same moment; some of the callers go away while the first is being written."""
    collection, together = await put_collection(store), Together(store)
    puts = [asyncio.create_task(together.put(collection.id, each, NOW, most=most)) for each in drafts]
    await store.has_begun.wait()
    for place in cancelled:
        puts[place].cancel()
    store.goes_on.set()
    return await asyncio.gather(*puts, return_exceptions=True)


def _names(answers: Sequence[Written | BaseException]) -> list[object]:
    return [each.job.name if isinstance(each, Written) else type(each) for each in answers]


async def test_what_comes_while_one_is_written_goes_together_and_each_gets_its_own_answer() -> None:
    store = SlowStore()
    answers = await _at_once(store, *(draft(name) for name in "abcd"))
    assert _names(answers) == ["a", "b", "c", "d"]
    assert sum(store.sizes) == 4
    assert len(store.sizes) <= 2


async def test_one_that_conflicts_does_not_touch_the_others() -> None:
    answers = await _at_once(SlowStore(), draft("a"), draft("b"), replace(draft("c"), expected_revision=7), draft("d"))
    assert _names(answers) == ["a", "b", ConflictError, "d"]


async def test_those_for_whom_there_is_room_are_written() -> None:
    answers = await _at_once(SlowStore(), *(draft(name) for name in "abc"), most=2)
    assert _names(answers) == ["a", "b", NoRoomError]


async def test_a_store_that_is_away_is_told_to_everybody_without_asking_for_each() -> None:
    store = SlowStore()
    store.is_away = True
    answers = await _at_once(store, *(draft(name) for name in "abc"))
    assert _names(answers) == [StoreUnavailableError] * 3
    assert len(store.sizes) <= 2


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_a_caller_that_goes_away_takes_nobody_along(gone: int) -> None:
    answers = await _at_once(SlowStore(), draft("a"), draft("b"), draft("c"), cancelled=[gone])
    expected: list[object] = ["a", "b", "c"]
    expected[gone] = asyncio.CancelledError
    assert _names(answers) == expected


async def test_a_collection_that_is_gone_is_told_to_everybody() -> None:
    store = SlowStore()
    store.goes_on.set()
    together = Together(store)
    puts = [together.put(CollectionId(404), draft(name), NOW) for name in "ab"]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert _names(answers) == [NotFoundError] * 2
