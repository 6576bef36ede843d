"""Events that operators announce."""

import asyncio

import pytest
from msgspec.structs import replace

from services.scheduler.domain.acts import Act
from services.scheduler.errors import ConflictError, NotFoundError
from services.scheduler.store.audit import AuditFilter, RehearsalImage
from services.scheduler.store.base import Store
from services.scheduler.store.records import EventOutcome, rehearsal_ends
from tests.parts.rehearsing import EVENT_ID, a_rehearsal
from tests.parts.stored import MINUTE, NOW, SECOND, TESTER

ENDS = rehearsal_ends(a_rehearsal().event)


async def test_one_is_listed_as_it_was_put_until_its_time_is_past(store: Store) -> None:
    later = a_rehearsal(f"{EVENT_ID}0", at=NOW + SECOND)
    for each in (later, a_rehearsal()):
        await store.put_rehearsal(each, most=5)
    assert await store.list_rehearsals(since=NOW) == [a_rehearsal(), later]
    assert await store.list_rehearsals(since=ENDS) == [later]
    assert await store.list_rehearsals(since=ENDS + SECOND) == []


async def test_one_that_is_called_off_stays_in_the_list_and_says_when(store: Store) -> None:
    await store.put_rehearsal(a_rehearsal(), most=5)
    cancelled = await store.cancel_rehearsal(EVENT_ID.lower(), NOW + SECOND)
    assert cancelled == replace(a_rehearsal(), cancelled_at=NOW + SECOND)
    assert await store.list_rehearsals(since=NOW) == [cancelled]


async def test_only_what_is_on_can_be_called_off(store: Store) -> None:
    with pytest.raises(NotFoundError, match="only Azure"):
        await store.cancel_rehearsal("C7061BAC", NOW)
    await store.put_rehearsal(a_rehearsal(), most=5)
    with pytest.raises(ConflictError, match="over already"):
        await store.cancel_rehearsal(EVENT_ID, ENDS)
    await store.cancel_rehearsal(EVENT_ID, NOW)
    with pytest.raises(ConflictError, match="over already"):
        await store.cancel_rehearsal(EVENT_ID, NOW)


async def test_no_more_are_on_at_a_time_than_may_be(store: Store) -> None:
    for number in (1, 2):
        await store.put_rehearsal(a_rehearsal(f"{EVENT_ID}{number}"), most=2)
    with pytest.raises(ConflictError, match=f"{EVENT_ID}1, {EVENT_ID}2"):
        await store.put_rehearsal(a_rehearsal(), most=2)
    await store.cancel_rehearsal(f"{EVENT_ID}1", NOW)
    await store.put_rehearsal(a_rehearsal(), most=2)
    await store.put_rehearsal(a_rehearsal(f"{EVENT_ID}3", at=ENDS), most=1)
    assert len(await store.list_rehearsals(since=NOW)) == 4


async def test_of_many_at_once_no_more_come_through_than_may_be_on(store: Store) -> None:
    each = [store.put_rehearsal(a_rehearsal(f"{EVENT_ID}{number}"), most=2, by=TESTER) for number in range(8)]
    answers = await asyncio.gather(*each, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["ConflictError"] * 6 + ["NoneType"] * 2
    assert len(await store.list_rehearsals(since=NOW)) == 2


async def test_the_events_they_came_to_are_listed_the_latest_first_and_no_others(store: Store) -> None:
    second = a_rehearsal(f"{EVENT_ID}2", at=NOW + SECOND)
    for each in (a_rehearsal(), second):
        await store.put_rehearsal(each, most=5)
        await store.put_event(each.event)
    await store.put_event(replace(a_rehearsal().event, event_id="C7061BAC"))
    assert await store.list_rehearsed(limit=10) == [second.event, a_rehearsal().event]
    assert await store.list_rehearsed(limit=1) == [second.event]


async def test_the_audit_log_has_an_entry_for_each_host(store: Store) -> None:
    hosts = {name: a_rehearsal().event.hosts["db-0"] for name in ("db-0", "db-1")}
    await store.put_rehearsal(a_rehearsal(hosts=hosts, resources=("db-0", "db-1")), most=5, by=TESTER)
    await store.cancel_rehearsal(EVENT_ID, NOW + SECOND, by=TESTER)
    entries = await store.list_audit(AuditFilter(host="db-1"), top=10, skip=0)
    assert [entry.act for entry in entries] == [Act.REHEARSAL_CANCELLED, Act.REHEARSAL_ANNOUNCED]
    before, after = entries[0].before, entries[0].after
    assert isinstance(after, RehearsalImage)
    assert (after.cancelled_at, after.hosts) == (NOW + SECOND, ("db-0", "db-1"))
    assert before == entries[1].after == replace(after, cancelled_at=None)
    assert len(await store.list_audit(AuditFilter(), top=10, skip=0)) == 4


async def test_they_are_forgotten_with_the_events_of_their_time(store: Store) -> None:
    await store.put_rehearsal(a_rehearsal(), most=5)
    await store.put_event(replace(a_rehearsal().event, outcome=EventOutcome.COMPLETED, ended_at=ENDS))
    assert await store.prune_events(ended_before=ENDS, limit=10) == 0
    assert len(await store.list_rehearsed(limit=10)) == 1
    assert await store.prune_events(ended_before=ENDS + MINUTE, limit=10) == 1
    assert await store.list_rehearsals(since=NOW) == []
    assert await store.list_rehearsed(limit=10) == []
