"""The manifests under k8s/ grant the Kubernetes responder what it uses, and nothing else."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from msgspec.structs import replace

from services.vmwatch.kubernetes_settings import BlockedPods
from tests.parts.kube_api import RELEASE
from tests.parts.kube_work import DRAIN, NODE, errand, kube_work

FOLDER = Path(__file__).parents[2] / "k8s/components"
USUAL, DELETING = (FOLDER / f"{name}/rights.yaml" for name in ("kubernetes-responder", "kubernetes-responder-delete"))


def manifests(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def rights(*files: Path) -> set[tuple[str, str]]:
    """Return each verb and resource that some manifests grant."""
    rules = [rule for file in files for each in manifests(file) for rule in each.get("rules", ())]
    assert all(rule["apiGroups"] == [""] for rule in rules)
    return {(verb, resource) for rule in rules for verb in rule["verbs"] for resource in rule["resources"]}


@pytest.mark.parametrize("file", [USUAL, DELETING])
def test_the_manifests_are_valid(file: Path) -> None:
    for each in manifests(file):
        assert kubernetes_validate.validate(each, RELEASE, strict=True) == RELEASE


async def test_the_role_has_exactly_the_rights_that_are_used(tmp_path: Path) -> None:
    async with kube_work(tmp_path) as work:
        work.state.add_pod("cart", NODE)
        responder = work.responder()
        await responder.prepare(replace(errand(), computer_name=""))
        await responder.drained(errand())
        await responder.resume(errand())
        assert work.api.granted == rights(USUAL)


async def test_deleting_pods_takes_exactly_the_further_rights(tmp_path: Path) -> None:
    async with kube_work(tmp_path) as work:
        work.state.add_pod("db", NODE, labels={"app": "db"}, grace=1)
        work.state.add_budget("db", {"app": "db"}, minAvailable=1)
        deleting = replace(DRAIN, blocked_pods=BlockedPods.DELETE)
        await work.responder(deleting).prepare(replace(errand(seconds=1), computer_name=""))
        assert work.api.granted - rights(USUAL) == rights(DELETING)
