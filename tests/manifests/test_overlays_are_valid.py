"""Each overlay, and each component on one, renders to objects that Kubernetes takes as they are."""

import json
from functools import cache

import kubernetes_validate
import pytest

from shared.about import product_version
from tests.parts.custom_resources import check, is_custom
from tests.parts.kube_api import RELEASE
from tests.parts.manifests import K8S, VARIANTS, containers, of_kind, pods, rendered, string_values, workloads
from tests.parts.pod_security import offences

each_variant = pytest.mark.parametrize("variant", VARIANTS)
_ELSEWHERE = {("Role", "leeward-vmwatch-events"), ("RoleBinding", "leeward-vmwatch-events")}
"""Kubernetes Events about nodes stand in the namespace default."""
_OF_THE_CLUSTER = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def test_no_overlay_and_no_component_is_left_out() -> None:
    overlays = {overlay for overlay, _ in VARIANTS.values()}
    components = {name for _, names in VARIANTS.values() for name in names}
    assert overlays == {each.name for each in (K8S / "overlays").iterdir()}
    assert components == {each.name for each in (K8S / "components").iterdir()}


@each_variant
def test_every_object_is_valid(variant: str) -> None:
    objects = rendered(variant)
    assert all(is_valid(json.dumps(each)) for each in objects)
    assert len(objects) > 15


@cache
def is_valid(text: str) -> bool:
    """Judge an object, once for all overlays that have it. Raises ValidationError of either kind."""
    each = json.loads(text)
    if is_custom(each):
        check(each)
        return True
    return bool(kubernetes_validate.validate(each, RELEASE, strict=True) == RELEASE)


@each_variant
def test_every_object_stands_in_a_namespace_that_is_made(variant: str) -> None:
    objects = rendered(variant)
    made = {each["metadata"]["name"] for each in of_kind(objects, "Namespace")}
    for each in objects:
        metadata = each["metadata"]
        if each["kind"] not in _OF_THE_CLUSTER and (each["kind"], metadata["name"]) not in _ELSEWHERE:
            assert metadata["namespace"] in made, metadata["name"]
    assert made == {"leeward", "leeward-vmwatch"}


@each_variant
def test_no_object_stands_there_twice_and_none_holds_a_secret(variant: str) -> None:
    objects = rendered(variant)
    ids = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    assert len(ids) == len(set(ids))
    assert of_kind(objects, "Secret") == []
    assert not any("PRIVATE KEY" in text or "lwd_" in text for text in string_values(objects))


@each_variant
def test_every_image_has_a_version_and_ours_is_this_one(variant: str) -> None:
    images = {container["image"] for pod in pods(rendered(variant)) for container in containers(pod)}
    versions = {name: tag for name, _, tag in (image.partition(":") for image in images)}
    assert versions.pop("eclipse-mosquitto", "2.0.22").startswith("2.")
    assert versions == dict.fromkeys(("leeward-scheduler", "leeward-vmwatch"), product_version())


@each_variant
def test_pods_are_restricted_but_for_what_their_namespace_says(variant: str) -> None:
    objects = rendered(variant)
    levels = {
        each["metadata"]["name"]: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in of_kind(objects, "Namespace")
    }
    found = {
        each["metadata"]["namespace"]: offences(each["spec"]["template"])
        for each in workloads(objects)
        if offences(each["spec"]["template"])
    }
    assert all(names <= {"hostNetwork", "hostPath"} for names in found.values())
    assert {name for name, level in levels.items() if level != "restricted"} == found.keys()
    assert levels["leeward"] == "restricted"


@each_variant
def test_pods_write_nowhere_but_into_volumes_and_have_a_limit_of_memory_alone(variant: str) -> None:
    for pod in pods(rendered(variant)):
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"memory"}
