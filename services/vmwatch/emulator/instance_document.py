"""The instance document as the emulator serves it: who a VM is, in the words of each api-version (reference §1.14)."""

from typing import Any, Final

from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.names import Orchestration, computer_name, orchestration, resource_path
from services.vmwatch.instance import POOLS_TAG

INSTANCE_VERSIONS: Final = (
    "2017-03-01",
    "2017-04-02",
    "2017-08-01",
    "2017-12-01",
    "2018-02-01",
    "2018-10-01",
    "2019-03-11",
    "2019-06-04",
    "2019-08-01",
    "2019-11-01",
    "2020-06-01",
    "2020-07-15",
    "2020-09-01",
    "2020-12-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-12-13",
    "2023-11-15",
    "2025-04-07",
)
"""As on Azure the list lacks four versions of Scheduled Events, the newest among them (reference §1.2)."""
FIELD_SINCE: Final = {
    "resourceId": "2019-03-11",
    "subscriptionId": "2017-08-01",
    "resourceGroupName": "2017-08-01",
    "vmScaleSetName": "2017-12-01",
    "virtualMachineScaleSet": "2021-03-01",
    "placementGroupId": "2017-08-01",
    "zone": "2017-12-01",
    "physicalZone": "2023-11-15",
    "osProfile": "2020-07-15",
    "priority": "2020-12-01",
    "evictionPolicy": "2020-12-01",
    "tags": "2017-08-01",
    "tagsList": "2019-06-04",
}
"""The first version with a field; those that are not named are in all."""


def render_instance(fleet: Fleet, vm: Vm, version: str = INSTANCE_VERSIONS[-1]) -> dict[str, Any]:
    """Return the instance document of one VM; all primitives are strings, as on Azure, and absent values are empty."""
    compute = _compute(fleet, vm)
    return {
        "compute": {name: value for name, value in compute.items() if FIELD_SINCE.get(name, "") <= version},
        "network": {"interface": [_interface(number, address) for number, address in enumerate(vm.addresses)]},
    }


def _compute(fleet: Fleet, vm: Vm) -> dict[str, Any]:
    tags = vm.tags | ({POOLS_TAG: ",".join(vm.pools)} if vm.pools else {})
    arm = f"/subscriptions/{fleet.subscription}/resourceGroups/{fleet.resource_group}/providers/Microsoft.Compute"
    hostname = vm.computer_name or computer_name(vm.name, vm.scale_set, vm.computer_name_prefix)
    return {
        "azEnvironment": "AzurePublicCloud",
        "evictionPolicy": vm.eviction_policy,
        "host": {"id": vm.host_id},
        "hostGroup": {"id": vm.host_group_id},
        "location": fleet.location,
        "name": vm.name,
        "osProfile": {"adminUsername": "", "computerName": hostname},
        "osType": "Linux",
        "physicalZone": vm.physical_zone,
        "placementGroupId": vm.placement_group,
        "platformFaultDomain": vm.fault_domain,
        "platformUpdateDomain": vm.update_domain,
        "priority": vm.priority,
        "provider": "Microsoft.Compute",
        "resourceGroupName": fleet.resource_group,
        "resourceId": f"{arm}/{resource_path(vm.name, vm.scale_set)}",
        "subscriptionId": fleet.subscription,
        "tags": ";".join(f"{name}:{value}" for name, value in tags.items()),
        "tagsList": [{"name": name, "value": value} for name, value in tags.items()],
        "virtualMachineScaleSet": {"id": _flexible_set(arm, vm)},
        "vmId": vm.vm_id or f"emulated-{vm.name.lower()}",
        "vmScaleSetName": vm.scale_set,
        "vmSize": vm.size,
        "zone": vm.zone,
    }


def _flexible_set(arm: str, vm: Vm) -> str:
    """Return the scale set's ARM id, which only VMs of flexible sets have."""
    is_flexible = orchestration(vm.name, vm.scale_set) is Orchestration.FLEXIBLE
    return f"{arm}/virtualMachineScaleSets/{vm.scale_set}" if is_flexible else ""


def _interface(number: int, address: str) -> dict[str, Any]:
    entry = {"ipAddress": [{"privateIpAddress": address, "publicIpAddress": ""}], "subnet": []}
    families = ("ipv6", "ipv4") if ":" in address else ("ipv4", "ipv6")
    return {families[0]: entry, families[1]: {"ipAddress": []}, "macAddress": f"000D3A{number:06X}"}
