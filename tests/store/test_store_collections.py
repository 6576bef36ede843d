"""Collections: names, gate, deletion."""

from datetime import timedelta

import pytest

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import CollectionDefinition, CollectionState, Namespace, Sku
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from tests.parts.stored import NOW, SOMEWHERE, claim, draft, finished, put_collection, put_job, register, stored


async def test_a_collection_comes_back_as_it_was_put(store: Store) -> None:
    definition = CollectionDefinition(
        sku=Sku.STANDARD, location="North Europe", tags={"ключ": "värde"}, max_job_count=5
    )
    put, created = await store.put_collection(SOMEWHERE, "Nightly", definition, NOW)
    assert created
    assert put.definition == definition
    assert await store.get_collection(SOMEWHERE, "nightLY") == put


async def test_a_replaced_collection_keeps_its_id_name_and_creation_time(store: Store) -> None:
    first = await put_collection(store, "Nightly")
    later = NOW + timedelta(days=1)
    second, created = await store.put_collection(SOMEWHERE, "NIGHTLY", CollectionDefinition(location="here"), later)
    assert not created
    assert (second.id, second.name, second.created_at, second.updated_at) == (first.id, "Nightly", NOW, later)
    assert second.definition.location == "here"


async def test_the_same_name_in_another_group_is_another_collection(store: Store) -> None:
    first = await put_collection(store)
    elsewhere = Namespace(SOMEWHERE.subscription, "other")
    second, created = await store.put_collection(elsewhere, "nightly", CollectionDefinition(), NOW)
    assert created
    assert second.id != first.id


async def test_collections_are_listed_by_name_a_page_at_a_time(store: Store) -> None:
    for name in ("b", "C", "a", "Ä"):
        await put_collection(store, name)
    await store.put_collection(Namespace(SOMEWHERE.subscription, "other"), "aa", CollectionDefinition(), NOW)
    await store.put_collection(Namespace("another", "default"), "ab", CollectionDefinition(), NOW)
    in_group = await store.list_collections(SOMEWHERE.subscription, "DEFAULT", top=3, skip=1)
    everywhere = await store.list_collections(SOMEWHERE.subscription, None, top=100, skip=0)
    assert [one.name for one in in_group] == ["b", "C", "Ä"]
    assert [one.name for one in everywhere] == ["a", "aa", "b", "C", "Ä"]


async def test_a_list_within_scopes_has_only_these_and_pages_over_them_alone(store: Store) -> None:
    other, elsewhere = Namespace(SOMEWHERE.subscription, "other"), Namespace("another", "default")
    for name in ("a", "b", "C", "d"):
        for namespace in (SOMEWHERE, other, elsewhere):
            await store.put_collection(namespace, name, CollectionDefinition(), NOW)
    within = [Scope(SOMEWHERE, "D"), Scope(other, "c"), Scope(SOMEWHERE, "B"), Scope(elsewhere, "a"), Scope(other, "x")]

    async def listed(group: str | None, top: int = 10, skip: int = 0) -> list[tuple[str, str]]:
        found = await store.list_collections(SOMEWHERE.subscription, group, within=within, top=top, skip=skip)
        return [(one.namespace.resource_group, one.name) for one in found]

    assert await listed(None) == [("default", "b"), ("other", "C"), ("default", "d")]
    assert await listed(None, top=1, skip=1) == [("other", "C")]
    assert await listed("DEFAULT") == [("default", "b"), ("default", "d")]
    assert await store.list_collections(SOMEWHERE.subscription, None, within=[], top=10, skip=0) == []


async def test_an_unknown_collection_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="ghost"):
        await store.get_collection(SOMEWHERE, "ghost")
    with pytest.raises(NotFoundError, match="ghost"):
        await store.delete_collection(SOMEWHERE, "ghost")


async def test_a_closed_gate_keeps_jobs_unclaimed_until_it_opens(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await put_collection(store, state=CollectionState.SUSPENDED)
    assert not (await stored(store, job)).gate_open
    assert await claim(store, owner) == []
    await put_collection(store)
    assert (await stored(store, job)).gate_open
    assert [one.job.id for one in await claim(store, owner)] == [job.id]


async def test_a_job_put_behind_a_closed_gate_is_not_claimed(store: Store) -> None:
    collection = await put_collection(store, state=CollectionState.DISABLED)
    [written] = await store.put_jobs(collection.id, [draft("backup")], NOW)
    assert not written.job.gate_open
    assert written.job.state is JobState.ENABLED
    assert await claim(store, await register(store)) == []


async def test_deleting_a_collection_deletes_its_jobs_occurrences_and_history(store: Store) -> None:
    job = await put_job(store)
    await put_job(store, "other")
    owner = await register(store)
    first, second = await claim(store, owner)
    await store.settle(owner, [finished(first)])
    await store.delete_collection(SOMEWHERE, "NIGHTLY")
    assert await store.settle(owner, [finished(second)]) == {second.occurrence.id}
    assert await store.list_history(job.id, top=10, skip=0) == []
    assert await store.recent_history(10) == []
    assert await store.job_counts() == {}
    assert (await put_collection(store)).id != job.collection_id


async def test_a_collection_of_many_jobs_is_deleted_whole(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(f"job-{number}") for number in range(2500)], NOW)
    await store.delete_collection(SOMEWHERE, "nightly")
    assert await store.count_jobs(collection.id) == 0
    assert await claim(store, await register(store)) == []
    assert (await store.get_collection(SOMEWHERE, (await put_collection(store)).name)).id != collection.id
