"""Scale-set members and their names."""

import json

import pytest

from services.vmwatch.instance import Overrides, parse_instance
from services.vmwatch.names import computer_name_of, instance_of
from services.vmwatch.notices import concerns
from services.vmwatch.tracker import Transition
from shared.messages import Event, NoticeKind


@pytest.mark.parametrize(
    ("resource", "scale_set", "instance"),
    [
        ("aks-default-36328368-vmss_18", "aks-default-36328368-vmss", "18"),
        ("WEB_0", "web", "0"),
        ("web_set_7", "web_set", "7"),
        ("web_3f2a1b4c", "web", ""),
        ("web", "web", ""),
        ("other_3", "web", ""),
        ("db_1", "", ""),
        ("web_²", "web", ""),
    ],
)
def test_the_instance_is_the_number_behind_the_sets_name(resource: str, scale_set: str, instance: str) -> None:
    assert instance_of(resource, scale_set) == instance


@pytest.mark.parametrize(
    ("instance", "name"), [("0", "web000000"), ("18", "web00000i"), ("35", "web00000z"), ("36", "web000010")]
)
def test_a_computer_name_ends_in_the_instance_in_base_36(instance: str, name: str) -> None:
    assert computer_name_of("web", instance) == name


def inventory_of(**compute: object) -> tuple[str, str]:
    inventory = parse_instance(json.dumps({"compute": compute}).encode(), Overrides())
    return inventory.instance, inventory.computer_name


def test_a_uniform_sets_member_that_does_not_say_its_computer_name_gets_the_usual_one() -> None:
    assert inventory_of(name="web_18", vmScaleSetName="web") == ("18", "web00000i")


def test_what_azure_says_about_the_computer_name_goes_first() -> None:
    profile = {"computerName": "front00000I"}
    assert inventory_of(name="web_18", vmScaleSetName="web", osProfile=profile) == ("18", "front00000I")


def test_a_flexible_sets_member_has_no_number_even_if_its_suffix_reads_like_one() -> None:
    flexible = {"id": "/subscriptions/s/virtualMachineScaleSets/web"}
    assert inventory_of(name="web_12345678", vmScaleSetName="web", virtualMachineScaleSet=flexible) == ("", "")


@pytest.mark.parametrize(
    ("named", "here"),
    [("web_18", True), ("WEB_18", True), ("web00000i", False), ("web_1", False), ("web_180", False), ("web", False)],
)
def test_events_concern_the_resource_name_in_any_case_and_never_the_computer_name(named: str, here: bool) -> None:
    body = json.dumps(
        {"compute": {"name": "Web_18", "vmScaleSetName": "Web", "osProfile": {"computerName": "web00000i"}}}
    )
    inventory = parse_instance(body.encode(), Overrides())
    event = Event(event_id="E", type="Reboot", status="Scheduled", resources=("web_2", named))
    assert concerns(Transition(kind=NoticeKind.SCHEDULED, event=event), inventory.host) is here
