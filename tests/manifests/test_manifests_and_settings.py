"""The manifests say what the services read: names, values, files."""

from pathlib import Path

import pytest

from shared.settings import SettingsError, load
from tests.parts.manifests import VARIANTS, Object, containers, pods, rendered
from tests.parts.pod_environment import READERS, environment, given, leewards

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def services(variant: str) -> list[tuple[Object, Object]]:
    """Return the pod and container of each service in a variant."""
    every = [(pod, each) for pod in pods(rendered(variant)) for each in containers(pod)]
    return [(pod, each) for pod, each in every if each["name"] in READERS]


@each_variant
def test_every_variable_is_a_setting_of_the_service_that_gets_it(variant: str) -> None:
    for _, container in services(variant):
        variables = leewards(environment(container, rendered(variant)))
        known = {f"LEEWARD_{name.upper()}" for name in READERS[container["name"]].__struct_fields__}
        assert variables.keys() - known == set()
        assert variables


@each_variant
def test_every_value_can_be_used(variant: str) -> None:
    read = {each["name"]: given(pod, each, rendered(variant)).settings for pod, each in services(variant)}
    assert read.keys() == READERS.keys()


@each_variant
def test_every_file_that_a_setting_names_is_mounted_or_may_be_written(variant: str) -> None:
    for pod, container in services(variant):
        for name, file in given(pod, container, rendered(variant)).files.items():
            assert is_there(file, pod, container, written=name in {"state_file", "database_url"}), f"{name}={file}"


@each_variant
def test_everything_that_is_mounted_from_secrets_is_used(variant: str) -> None:
    for pod, container in services(variant):
        named = set(given(pod, container, rendered(variant)).files.values())
        mounts = {each["name"]: Path(each["mountPath"]) for each in container["volumeMounts"]}
        for volume in pod["spec"]["volumes"]:
            for item in volume.get("secret", {}).get("items", ()):
                assert mounts[volume["name"]] / item["path"] in named


def is_there(file: Path, pod: Object, container: Object, *, written: bool) -> bool:
    """Whether a file is in a volume of the container: one of a Secret's items, or in a place of its own to write."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for mount in container["volumeMounts"]:
        if Path(mount["mountPath"]) == file.parent:
            volume = volumes[mount["name"]]
            if written:
                return not mount.get("readOnly") and ("emptyDir" in volume or "persistentVolumeClaim" in volume)
            items = {item["path"] for item in volume.get("secret", {}).get("items", ())}
            return bool(mount["readOnly"]) and (file.name in items or "hostPath" in volume)
    return False


@each_variant
def test_kubernetes_adds_no_variables_of_its_own_for_services(variant: str) -> None:
    assert [pod["spec"]["enableServiceLinks"] for pod in pods(rendered(variant))].count(False) >= len(READERS)
    assert not any(pod["spec"]["enableServiceLinks"] for pod in pods(rendered(variant)))


@pytest.mark.parametrize("service", READERS)
def test_for_they_would_be_unknown_settings(service: str) -> None:
    with pytest.raises(SettingsError, match="LEEWARD_SCHEDULER_SERVICE_HOST is unknown"):
        load(READERS[service], {"LEEWARD_SCHEDULER_SERVICE_HOST": "10.0.0.1"})


def test_all_replicas_have_names_of_their_own() -> None:
    [container] = [each for _, each in services("production") if each["name"] == "scheduler"]
    [replica] = [each for each in container["env"] if each["name"] == "LEEWARD_REPLICA"]
    assert replica["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
