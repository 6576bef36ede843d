"""Resource groups: made, implied by a collection, deleted with all that is in them."""

import pytest

from services.scheduler.domain.collections import CollectionDefinition, Namespace, ResourceGroup
from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from tests.parts.stored import NOW, SOMEWHERE, put_collection, put_job

GROUP = ResourceGroup(namespace=SOMEWHERE, location="westus", tags={"a": "ä"})


async def test_a_group_comes_back_as_it_was_put_last(store: Store) -> None:
    assert await store.put_group(GROUP)
    changed = ResourceGroup(namespace=Namespace(SOMEWHERE.subscription.upper(), "Default"), location="eastus")
    assert not await store.put_group(changed)
    assert await store.get_group(SOMEWHERE) == changed


async def test_a_collection_implies_its_group(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.get_group(SOMEWHERE)
    await put_collection(store)
    assert await store.get_group(Namespace(SOMEWHERE.subscription, "DEFAULT")) == ResourceGroup(namespace=SOMEWHERE)
    assert not await store.put_group(GROUP)


async def test_a_deleted_group_takes_its_collections_along_and_no_others(store: Store) -> None:
    job = await put_job(store)
    elsewhere = Namespace(SOMEWHERE.subscription, "other")
    other, _ = await store.put_collection(elsewhere, "nightly", CollectionDefinition(), NOW)
    await store.put_group(GROUP)
    assert await store.delete_group(SOMEWHERE) == [job.collection_id]
    assert await store.list_collections(SOMEWHERE.subscription, None, top=10, skip=0) == [other]
    assert await store.count_jobs(job.collection_id) == 0
    for verb in (store.get_group, store.delete_group):
        with pytest.raises(NotFoundError, match="default"):
            await verb(SOMEWHERE)


async def test_an_empty_group_can_be_deleted(store: Store) -> None:
    await store.put_group(GROUP)
    assert await store.delete_group(SOMEWHERE) == []
