"""The instance document becomes the host's inventory."""

import json
from typing import Any

import pytest

from services.vmwatch.errors import DocumentError
from services.vmwatch.instance import Overrides, parse_instance

COMPUTE: dict[str, Any] = {
    "name": "aks-default-36328368-vmss_18",
    "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
    "resourceId": "/subscriptions/s/resourceGroups/Fleet/providers/Microsoft.Compute/virtualMachines/db",
    "resourceGroupName": "Fleet",
    "location": "westeurope",
    "zone": "1",
    "vmScaleSetName": "aks-default-36328368-vmss",
    "placementGroupId": "F67C14AB-E92C-408C-AE2D-DA15866EC79A",
    "platformFaultDomain": "0",
    "platformUpdateDomain": "3",
    "osProfile": {"computerName": "aks-default-36328368-vmss00000I", "adminUsername": ""},
    "tags": "leeward-pools:web",
    "tagsList": [{"name": "Leeward-Pools", "value": "db, reports,db"}, {"name": "env", "value": "a;b:c"}],
}
NETWORK = {
    "interface": [
        {
            "ipv4": {"ipAddress": [{"privateIpAddress": "10.0.0.4", "publicIpAddress": ""}], "subnet": []},
            "ipv6": {"ipAddress": []},
            "macAddress": "0011AAFFBB22",
        },
        {"ipv4": {"ipAddress": [{"privateIpAddress": "10.0.1.4"}]}, "ipv6": {"ipAddress": []}},
    ]
}


def instance(**changes: object) -> bytes:
    return json.dumps({"compute": COMPUTE | changes, "network": NETWORK}).encode()


def test_a_scale_set_member_is_read_whole() -> None:
    inventory = parse_instance(instance(), Overrides())
    assert inventory.host == "aks-default-36328368-vmss_18"
    assert inventory.computer_name == "aks-default-36328368-vmss00000I"
    assert inventory.addresses == ("10.0.0.4", "10.0.1.4")
    assert (inventory.zone, inventory.fault_domain, inventory.update_domain) == ("1", "0", "3")
    assert inventory.scale_set == "aks-default-36328368-vmss"
    assert inventory.tags["env"] == "a;b:c"


def test_the_pools_come_from_the_tag_unless_they_are_set() -> None:
    assert parse_instance(instance(), Overrides()).pools == ("db", "reports")
    assert parse_instance(instance(), Overrides(pools=("web",))).pools == ("web",)
    assert parse_instance(instance(tagsList=[]), Overrides()).pools == ("web",)
    assert parse_instance(instance(tagsList=[], tags=""), Overrides()).pools == ()


@pytest.mark.parametrize(
    ("changes", "group"),
    [
        ({}, "f67c14ab-e92c-408c-ae2d-da15866ec79a"),
        ({"placementGroupId": ""}, "fleet/aks-default-36328368-vmss"),
        ({"placementGroupId": "", "vmScaleSetName": ""}, "fleet"),
        (
            {"placementGroupId": "", "vmScaleSetName": "", "virtualMachineScaleSet": {"id": "/a/b/flexible"}},
            "fleet/flexible",
        ),
    ],
)
def test_the_group_is_who_sees_the_same_document(changes: dict[str, object], group: str) -> None:
    assert parse_instance(instance(**changes), Overrides()).group == group
    assert parse_instance(instance(**changes), Overrides(group="mine")).group == "mine"


def test_a_nameless_machine_needs_a_name_from_the_operator() -> None:
    with pytest.raises(DocumentError, match="LEEWARD_HOST"):
        parse_instance(instance(name=""), Overrides())
    assert parse_instance(instance(name=""), Overrides(host="db-0")).host == "db-0"


def test_an_oldest_document_with_few_fields_is_enough() -> None:
    inventory = parse_instance(b'{"compute":{"name":"db-0"}}', Overrides())
    assert (inventory.host, inventory.group, inventory.addresses) == ("db-0", "", ())


@pytest.mark.parametrize("garbage", [b"", b"{}", b"<html>", b'{"compute":[]}', b'{"compute":{"name":5}}'])
def test_what_is_no_instance_document_is_refused(garbage: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_instance(garbage, Overrides())
