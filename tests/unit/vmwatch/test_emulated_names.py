"""The names of emulated VMs follow Azure's rules, by the examples that people captured."""

import pytest

from services.vmwatch.emulator.fleet import Fleet, Sees, Vm
from services.vmwatch.emulator.instance_document import FIELD_SINCE, INSTANCE_VERSIONS, render_instance
from services.vmwatch.emulator.names import Orchestration, computer_name, orchestration, resource_path

SET = "aks-default-36328368-vmss"


@pytest.mark.parametrize(
    ("name", "scale_set", "prefix", "expected"),
    [
        (f"{SET}_18", SET, "", f"{SET}00000i"),
        ("web_1295", "web", "w", "w0000zz"),
        ("web_0", "web", "", "web000000"),
        ("db-0", "", "", "db-0"),
    ],
)
def test_a_uniform_member_counts_in_base_36(name: str, scale_set: str, prefix: str, expected: str) -> None:
    assert computer_name(name, scale_set, prefix) == expected


def test_a_flexible_member_s_hostname_does_not_follow_from_its_name() -> None:
    assert orchestration("web_1a2b3c4d", "web") is Orchestration.FLEXIBLE
    name = computer_name("web_1a2b3c4d", "web", "w-")
    assert (name[:2], len(name)) == ("w-", 8)
    assert name == computer_name("WEB_1A2B3C4D", "web", "w-")


def test_a_resource_id_has_the_form_of_its_kind() -> None:
    assert resource_path("web_18", "web") == "virtualMachineScaleSets/web/virtualMachines/18"
    assert resource_path("web_1a2b3c4d", "web") == "virtualMachines/web_1a2b3c4d"


@pytest.mark.parametrize(("field", "since"), FIELD_SINCE.items())
def test_a_field_is_absent_from_versions_before_it_came(field: str, since: str) -> None:
    vm = Vm(name="db-0")
    shown = {version: render_instance(Fleet(vms=(vm,)), vm, version)["compute"] for version in INSTANCE_VERSIONS}
    assert since in INSTANCE_VERSIONS
    assert [version for version in INSTANCE_VERSIONS if field in shown[version]] == [
        version for version in INSTANCE_VERSIONS if version >= since
    ]


def test_absent_values_are_empty_strings_and_only_flexible_members_name_their_set_s_id() -> None:
    lone, flexible = Vm(name="db-0"), Vm(name="web_1a2b3c4d", scale_set="web", priority="Spot")
    fleet = Fleet(vms=(lone, flexible))
    compute = render_instance(fleet, lone)["compute"]
    assert (compute["zone"], compute["physicalZone"], compute["priority"]) == ("", "", "")
    assert compute["virtualMachineScaleSet"] == {"id": ""}
    compute = render_instance(fleet, flexible)["compute"]
    assert compute["virtualMachineScaleSet"]["id"].endswith("/virtualMachineScaleSets/web")


def test_who_shares_a_document_follows_from_placement_group_then_scale_set() -> None:
    assert Vm(name="a", placement_group="pg", scale_set="web").document == "pg"
    assert Vm(name="a", placement_group="", scale_set="web").document == "web"
    assert Vm(name="a", placement_group="").document == "a"
    assert Vm(name="a").sees is Sees.GROUP
