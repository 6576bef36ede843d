"""The Kubernetes responder moves pods away within the time there is, and says what it could not move."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.vmwatch.kubernetes_settings import BarePods, BlockedPods, KubernetesMode
from services.vmwatch.responders.base import ResponderError
from tests.parts.kube_work import DRAIN, NODE, KubeWork, errand, event, kube_work
from tests.parts.waiting import until


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[KubeWork]:
    async with kube_work(tmp_path) as started:
        yield started


async def asked_twice(work: KubeWork) -> bool:
    return len(work.api.asked) > 1


async def test_pods_leave_and_the_node_stays_closed_until_the_event_is_over(work: KubeWork) -> None:
    for name in ("cart", "search", "mail"):
        work.state.add_pod(name, NODE)
    responder = work.responder()
    await responder.prepare(errand())
    assert work.state.on(NODE) == []
    assert work.state.on("elsewhere") == ["cart-again", "mail-again", "search-again"]
    assert work.is_closed
    await responder.drained(errand())
    assert work.state.reasons() == ["Cordoned", "PodsEvicted", "Drained"]


async def test_pods_that_would_come_back_or_have_ended_are_left_alone(work: KubeWork) -> None:
    work.state.add_pod("log-shipper", NODE, owner="DaemonSet")
    work.state.add_pod("proxy", NODE, owner="Node", annotations={"kubernetes.io/config.mirror": "x"})
    work.state.add_pod("migration", NODE, owner="Job", phase="Succeeded")
    work.state.add_pod("by-hand", NODE, owner=None)
    work.state.add_pod("pinned", NODE, labels={"stay": "yes"})
    work.state.add_pod("moving", NODE, labels={"stay": "no"})
    await work.responder(replace(DRAIN, left_labels=("stay=yes",))).prepare(errand())
    assert work.state.on(NODE) == ["by-hand", "log-shipper", "migration", "pinned", "proxy"]


async def test_pods_that_nothing_would_start_elsewhere_go_only_where_that_is_set(work: KubeWork) -> None:
    work.state.add_pod("by-hand", NODE, owner=None)
    await work.responder(replace(DRAIN, bare_pods=BarePods.EVICT)).prepare(errand())
    assert work.state.on(NODE) == []


async def test_an_event_set_to_cordon_moves_nothing(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    settings = replace(DRAIN, by_type={"freeze": KubernetesMode.CORDON})
    await work.responder(settings).prepare(errand(event("Freeze")))
    assert work.state.on(NODE) == ["cart"]
    assert work.is_closed


async def test_a_disruption_budget_lets_pods_go_one_after_another(work: KubeWork) -> None:
    for name in ("cart-0", "cart-1", "cart-2"):
        work.state.add_pod(name, NODE, labels={"app": "cart"})
        work.state.ends_after[name] = 0.1
    work.state.add_budget("cart", {"app": "cart"}, maxUnavailable=1)
    await work.responder().prepare(errand())
    assert work.state.on(NODE) == []
    assert min(work.state.healthy) == 2


async def test_a_budget_that_never_lets_go_fails_the_drain_before_the_deadline(work: KubeWork) -> None:
    work.state.add_pod("db", NODE, labels={"app": "db"})
    work.state.add_budget("db", {"app": "db"}, minAvailable=1)
    task = errand(seconds=0.8)
    with pytest.raises(ResponderError, match=r"1 pods have not left node .*shop/db: .*disruption budget. db needs"):
        await work.responder().prepare(task)
    assert task.deadline is not None
    assert work.state.on(NODE) == ["db"]
    await work.responder().failed(task, "kubernetes: 1 pods have not left")
    assert work.state.events[-1]["reason"] == "DrainFailed"
    assert work.state.events[-1]["type"] == "Warning"
    assert work.is_closed


async def test_a_budget_is_overridden_at_the_last_instant_where_that_is_set(work: KubeWork) -> None:
    work.state.add_pod("db", NODE, labels={"app": "db"}, grace=1)
    work.state.add_budget("db", {"app": "db"}, minAvailable="100%")
    preparing = asyncio.create_task(
        work.responder(replace(DRAIN, blocked_pods=BlockedPods.DELETE)).prepare(errand(seconds=2))
    )
    await until(lambda: asked_twice(work))
    assert work.state.on(NODE) == ["db"], "not before it has to be"
    await preparing
    assert work.state.on(NODE) == []
    assert "DisruptionBudgetOverridden" in work.state.reasons()


async def test_two_budgets_for_one_pod_are_named_as_what_keeps_it(work: KubeWork) -> None:
    work.state.add_pod("db", NODE, labels={"app": "db", "tier": "data"})
    work.state.add_budget("one", {"app": "db"}, maxUnavailable=1)
    work.state.add_budget("two", {"tier": "data"}, maxUnavailable=1)
    with pytest.raises(ResponderError, match="more than one PodDisruptionBudget"):
        await work.responder().prepare(errand(seconds=0.6))
    assert work.state.on(NODE) == ["db"]


async def test_a_webhook_that_refuses_keeps_its_pod_and_no_other(work: KubeWork) -> None:
    work.state.add_pod("guarded", NODE)
    work.state.add_pod("cart", NODE)
    work.api.refused_by_webhook = {"guarded"}
    with pytest.raises(ResponderError, match=r"shop/guarded: .*denied the request: keep it"):
        await work.responder().prepare(errand(seconds=0.6))
    assert work.state.on(NODE) == ["guarded"]


async def test_pods_of_a_namespace_that_ends_are_waited_for(work: KubeWork) -> None:
    pod = work.state.add_pod("cart", NODE)
    work.state.ending_namespaces = {"shop"}
    preparing = asyncio.create_task(work.responder().prepare(errand()))
    await until(lambda: asked_twice(work))
    assert not preparing.done()
    work.state.remove(pod)
    await preparing
    assert work.state.on(NODE) == []


async def test_a_pod_that_never_ends_fails_the_drain_in_time(work: KubeWork) -> None:
    work.state.add_pod("stuck", NODE)
    work.state.ends_after["stuck"] = None
    with pytest.raises(ResponderError, match="shop/stuck: is ending"):
        await work.responder().prepare(errand(seconds=0.7))
    assert work.state.on(NODE) == ["stuck"]


async def test_pods_get_no_longer_to_end_than_there_is_time(work: KubeWork) -> None:
    work.state.add_pod("slow", NODE, grace=600)
    work.state.add_pod("quick", NODE, grace=3)
    await work.responder().prepare(errand(seconds=20))
    assert work.state.graces["quick"] == [3]
    assert 15 < work.state.graces["slow"][0] < 20


async def test_pods_get_no_longer_to_end_than_is_set(work: KubeWork) -> None:
    work.state.add_pod("slow", NODE, grace=600)
    await work.responder(replace(DRAIN, grace_seconds=5)).prepare(errand(seconds=20))
    assert work.state.graces["slow"] == [5]


async def test_a_pod_that_is_ending_too_slowly_is_made_quicker(work: KubeWork) -> None:
    pod = work.state.add_pod("slow", NODE, grace=600)
    work.state.ends_after["slow"] = None
    work.state.end(pod, None)
    work.state.ends_after["slow"] = 0.0
    await work.responder().prepare(errand(seconds=10))
    assert work.state.graces["slow"][0] == 600
    assert work.state.graces["slow"][1] <= 10


async def test_the_next_pod_of_the_same_name_is_not_evicted_in_its_stead(work: KubeWork) -> None:
    pod = work.state.add_pod("db-0", NODE, owner="StatefulSet")
    again = dict(pod, metadata=dict(pod["metadata"], uid="the-next-one"), spec=dict(pod["spec"], nodeName="elsewhere"))
    work.api.before_eviction = lambda: work.state.pods.update({("shop", "db-0"): again})
    await work.responder().prepare(errand())
    assert work.state.on("elsewhere") == ["db-0"]
    assert "deletionTimestamp" not in again["metadata"]


async def test_a_drain_that_is_broken_off_goes_on_in_the_next_life(work: KubeWork) -> None:
    for name in ("one", "two"):
        work.state.add_pod(name, NODE)
    work.state.ends_after["one"] = None
    preparing = asyncio.create_task(work.responder().prepare(errand()))

    async def has_begun() -> bool:
        return work.state.on(NODE) == ["one"]

    await until(has_begun)
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)
    work.state.remove(work.state.pods["shop", "one"])
    later = work.responder()
    await later.prepare(errand())
    await later.resume(errand())
    assert work.state.on(NODE) == []
    assert not work.is_closed


async def test_an_event_cancelled_while_pods_leave_opens_the_node_again(work: KubeWork) -> None:
    work.state.add_pod("stuck", NODE)
    work.state.ends_after["stuck"] = None
    responder = work.responder()
    preparing = asyncio.create_task(responder.prepare(errand()))

    async def is_closed() -> bool:
        return work.is_closed

    await until(is_closed)
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)
    await responder.resume(errand())
    assert not work.is_closed
    assert work.state.on(NODE) == ["stuck"]


async def test_an_event_that_may_begin_at_any_moment_drains_as_well(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE, grace=30)
    await work.responder().prepare(errand(event("Preempt", status="Started"), seconds=None))
    assert work.state.on(NODE) == []
    assert work.state.graces["cart"] == [30]


async def test_a_deadline_that_is_past_still_lets_pods_know(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    work.state.ends_after["cart"] = None
    with pytest.raises(ResponderError, match="1 pods have not left"):
        await work.responder().prepare(errand(event("Preempt"), seconds=-5))
    assert work.state.graces["cart"] == [1]
    assert work.is_closed


async def test_many_pods_are_read_in_chunks_and_all_leave(work: KubeWork) -> None:
    work.api.page = 10
    for number in range(25):
        work.state.add_pod(f"pod-{number}", NODE)
    await work.responder().prepare(errand())
    assert work.state.on(NODE) == []
    assert len(work.state.on("elsewhere")) == 25
