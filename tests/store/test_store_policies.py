"""What collections decide about maintenance: kept with them, and listed for those alone that decide something."""

from datetime import timedelta

import pytest

from services.scheduler.domain.collections import CollectionDefinition, CollectionState, Namespace
from services.scheduler.domain.policies import AUTO, AtDeadline, DurationRule, Maintenance, MaintenanceRule, Strategy
from services.scheduler.store.base import Store
from tests.parts.stored import NOW, SOMEWHERE, put_collection

POLICY = Maintenance(
    rule=MaintenanceRule(lead_time=AUTO, at_deadline=AtDeadline.MOVE),
    by_type={"freeze": MaintenanceRule(strategy=Strategy.IGNORE)},
    by_source={"user": MaintenanceRule(lead_time=timedelta(minutes=2))},
    by_duration=(DurationRule(up_to=timedelta(seconds=9), rule=MaintenanceRule(strategy=Strategy.IGNORE)),),
)
DECIDED = CollectionDefinition(maintenance=POLICY)


async def test_a_policy_comes_back_as_it_was_put(store: Store) -> None:
    put, _ = await store.put_collection(SOMEWHERE, "nightly", DECIDED, NOW)
    assert put.definition.maintenance == POLICY
    assert (await store.get_collection(SOMEWHERE, "nightly")).definition == DECIDED


async def test_policies_of_all_namespaces_are_listed_and_of_nobody_who_has_none(store: Store) -> None:
    await put_collection(store, "plain")
    first, _ = await store.put_collection(SOMEWHERE, "nightly", DECIDED, NOW)
    second, _ = await store.put_collection(Namespace("another", "group"), "nightly", DECIDED, NOW)
    assert await store.list_policies() == {first.id: POLICY, second.id: POLICY}


@pytest.mark.parametrize("state", list(CollectionState))
async def test_a_policy_that_is_taken_away_is_listed_no_more(store: Store, state: CollectionState) -> None:
    await store.put_collection(SOMEWHERE, "nightly", DECIDED, NOW)
    await store.put_collection(SOMEWHERE, "nightly", CollectionDefinition(state=state), NOW)
    assert await store.list_policies() == {}


async def test_a_deleted_collection_decides_nothing(store: Store) -> None:
    await store.put_collection(SOMEWHERE, "nightly", DECIDED, NOW)
    await store.delete_collection(SOMEWHERE, "nightly")
    assert await store.list_policies() == {}
