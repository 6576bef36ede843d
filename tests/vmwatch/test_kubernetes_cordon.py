"""The Kubernetes responder closes the node of this VM, and opens it again only if it was it that closed it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.responders.base import ResponderError
from tests.parts.kube_state import Object
from tests.parts.kube_work import EVENT, HOST, NODE, OTHER, PROVIDER_ID, KubeWork, errand, event, kube_work

CORDON = KubernetesSettings(mode=KubernetesMode.CORDON)
MARK = "leeward.io/cordon"


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[KubeWork]:
    async with kube_work(tmp_path) as started:
        yield started


def mark_of(node: Object) -> Object:
    read: Object = json.loads(node["metadata"]["annotations"][MARK])
    return read


async def test_an_event_closes_the_node_with_a_mark_and_a_taint_and_its_end_opens_it(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    assert work.is_closed
    assert mark_of(work.node) | {"since": ""} == {
        "by": "leeward-vmwatch",
        "host": HOST,
        "events": [EVENT],
        "cordon": "ours",
        "taint": "leeward.io/event",
        "since": "",
    }
    assert work.node["spec"]["taints"] == [{"key": "leeward.io/event", "value": "reboot", "effect": "NoSchedule"}]
    await responder.resume(errand())
    assert not work.is_closed
    assert "taints" not in work.node["spec"]
    assert MARK not in work.node["metadata"]["annotations"]
    assert work.state.reasons() == ["Cordoned", "Uncordoned"]


async def test_a_node_that_was_cordoned_before_stays_so(work: KubeWork) -> None:
    work.cordon_by_hand(closed=True)
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    assert mark_of(work.node)["cordon"] == "theirs"
    await responder.resume(errand())
    assert work.is_closed
    assert "taints" not in work.node["spec"]
    assert work.state.reasons() == ["Cordoned", "CordonKept"]


async def test_a_node_that_somebody_opened_and_closed_again_stays_closed(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    work.cordon_by_hand(closed=False)
    work.cordon_by_hand(closed=True)
    await responder.resume(errand())
    assert work.is_closed
    assert MARK not in work.node["metadata"]["annotations"]


async def test_a_cordon_whose_mark_was_taken_off_belongs_to_who_took_it(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    del work.node["metadata"]["annotations"][MARK]
    await responder.resume(errand())
    assert work.is_closed


async def test_a_watcher_that_restarts_finds_its_own_mark(work: KubeWork) -> None:
    await work.responder(CORDON).prepare(errand())
    version = work.node["metadata"]["resourceVersion"]
    again = work.responder(CORDON)
    await again.prepare(errand())
    assert work.node["metadata"]["resourceVersion"] == version
    await again.resume(errand())
    assert not work.is_closed


async def test_the_last_of_two_events_opens_the_node(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    first, second = event(), event("Redeploy", OTHER)
    await responder.prepare(errand(first))
    await responder.prepare(errand(second, others=(first,)))
    assert mark_of(work.node)["events"] == [EVENT, OTHER]
    await responder.resume(errand(first, others=(second,)))
    assert work.is_closed
    assert mark_of(work.node)["events"] == [OTHER]
    await responder.resume(errand(second))
    assert not work.is_closed


async def test_an_event_that_came_while_the_node_was_about_to_be_opened_keeps_it_closed(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    first, second = event(), event("Redeploy", OTHER)
    await responder.prepare(errand(first))
    sent_before = errand(first)
    await responder.prepare(errand(second))
    await responder.resume(sent_before)
    assert work.is_closed
    assert mark_of(work.node)["events"] == [OTHER]
    await responder.resume(errand(second))
    assert not work.is_closed


async def test_an_event_that_does_nothing_to_the_node_does_not_keep_it_closed(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    advisory = event("SpotRebalanceRecommendation", OTHER, status="Advisory")
    await responder.resume(errand(others=(advisory,)))
    assert not work.is_closed


async def test_taints_and_annotations_of_others_stay_as_they_are(work: KubeWork) -> None:
    foreign = {"key": "dedicated", "effect": "NoExecute", "value": "db", "timeAdded": "2026-11-22T08:00:00Z"}
    work.node["spec"]["taints"] = [foreign]
    work.node["metadata"]["annotations"] = {"weave.works/kured-reboot-in-progress": "no"}
    responder = work.responder(CORDON)
    await responder.prepare(errand())
    assert foreign in work.node["spec"]["taints"]
    await responder.resume(errand())
    assert work.node["spec"]["taints"] == [foreign]
    assert work.node["metadata"]["annotations"] == {"weave.works/kured-reboot-in-progress": "no"}


async def test_somebody_who_writes_the_node_at_the_same_time_loses_nothing(work: KubeWork) -> None:
    rivals = iter(["kubelet", "controller"])

    def interfere() -> None:
        if (rival := next(rivals, None)) is not None:
            work.node["metadata"].setdefault("labels", {})[rival] = "was-here"
            work.state.touch(work.node)

    work.api.before_patch = interfere
    await work.responder(CORDON).prepare(errand())
    assert work.is_closed
    assert set(work.node["metadata"]["labels"]) == {"kubelet", "controller"}


async def test_conflicts_without_end_are_given_up(work: KubeWork) -> None:
    work.api.before_patch = lambda: work.state.touch(work.node)
    with pytest.raises(ResponderError, match="somebody else was first 10 times"):
        await work.responder(CORDON).prepare(errand())


@pytest.mark.parametrize(
    ("provider_id", "host"),
    [
        (PROVIDER_ID, "AKS-POOL-1234-vmss_18"),
        (
            "azure:///subscriptions/0/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web_0a1b2c3d",
            "web_0a1b2c3d",
        ),
        ("azure:///subscriptions/0/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/Db-0", "db-0"),
    ],
)
async def test_the_node_is_found_by_its_provider_id_alone(work: KubeWork, provider_id: str, host: str) -> None:
    work.state.nodes.clear()
    work.state.add_node("db-0", PROVIDER_ID.replace("/18", "/99"))
    work.state.add_node("node-of-another-name", provider_id)
    await work.responder(CORDON).prepare(replace(errand(), host=host, computer_name="db-0"))
    assert work.state.nodes["node-of-another-name"]["spec"].get("unschedulable")
    assert not work.state.nodes["db-0"]["spec"].get("unschedulable")


async def test_a_vm_without_a_node_is_told_what_to_set(work: KubeWork) -> None:
    del work.node["spec"]["providerID"]
    with pytest.raises(ResponderError, match="LEEWARD_KUBERNETES_NODE"):
        await work.responder(CORDON).prepare(errand())


async def test_a_node_that_went_with_its_vm_needs_no_opening(work: KubeWork) -> None:
    responder = work.responder(CORDON)
    await responder.prepare(errand(event("Terminate")))
    del work.state.nodes[NODE]
    await responder.resume(errand(event("Terminate")))
    assert work.state.reasons() == ["Cordoned"]


async def test_a_node_named_by_hand_is_refused_when_it_is_another_vms(work: KubeWork) -> None:
    wrong = KubernetesSettings(mode=KubernetesMode.CORDON, node="elsewhere")
    with pytest.raises(ResponderError, match="correct LEEWARD_KUBERNETES_NODE"):
        await work.responder(wrong).prepare(errand())
    assert not work.state.nodes["elsewhere"]["spec"].get("unschedulable")


async def test_a_node_that_two_vms_name_by_hand_is_opened_by_none_but_its_own(work: KubeWork) -> None:
    del work.node["spec"]["providerID"]
    named = KubernetesSettings(mode=KubernetesMode.CORDON, node=NODE)
    await work.responder(named).prepare(errand())
    with pytest.raises(ResponderError, match="correct LEEWARD_KUBERNETES_NODE"):
        await work.responder(named).resume(replace(errand(), host="another"))
    assert work.node["spec"]["unschedulable"]
