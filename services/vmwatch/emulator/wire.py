"""Azure's documents as the emulator serves them: what each api-version shows and how (reference §1.2-1.3, §1.14)."""

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from services.vmwatch.documents import STARTED, UNDERSCORE_VERSION
from services.vmwatch.emulator.events import RehearsedEvent
from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.instance import POOLS_TAG

EVENT_VERSIONS: Final = (
    "2017-03-01",
    "2017-08-01",
    "2017-11-01",
    "2019-01-01",
    "2019-04-01",
    "2019-08-01",
    "2020-07-01",
)
INSTANCE_VERSIONS: Final = (
    "2017-03-01",
    "2017-04-02",
    "2017-08-01",
    "2017-12-01",
    "2018-02-01",
    "2018-10-01",
    "2019-03-11",
    "2019-06-04",
    "2019-11-01",
    "2020-06-01",
    "2020-09-01",
    "2021-02-01",
    "2021-05-01",
    "2021-12-13",
    "2023-11-15",
    "2025-04-07",
)
"""As on Azure the list lacks the newer versions of Scheduled Events (reference §1.2)."""

_TYPE_SINCE: Final = {"Preempt": "2017-11-01", "Terminate": "2019-01-01"}
_DESCRIPTION_SINCE: Final = "2019-04-01"
_SOURCE_SINCE: Final = "2019-08-01"
_DURATION_SINCE: Final = "2020-07-01"


def requires_header(version: str) -> bool:
    """Whether `Metadata: true` is enforced: only the first preview did without."""
    return version != UNDERSCORE_VERSION


def render_events(incarnation: int, events: Iterable[RehearsedEvent], version: str) -> dict[str, Any]:
    """Return the Scheduled Events document as `version` shows it."""
    visible = (event for event in events if _TYPE_SINCE.get(event.type, "") <= version)
    return {"DocumentIncarnation": incarnation, "Events": [_render_event(event, version) for event in visible]}


def render_instance(fleet: Fleet, vm: Vm) -> dict[str, Any]:
    """Return the instance document of one VM; all primitives are strings, as on Azure."""
    tags = vm.tags | ({POOLS_TAG: ",".join(vm.pools)} if vm.pools else {})
    group = f"/subscriptions/{fleet.subscription}/resourceGroups/{fleet.resource_group}"
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "location": fleet.location,
            "name": vm.name,
            "osProfile": {"adminUsername": "", "computerName": vm.computer_name or vm.name},
            "osType": "Linux",
            "placementGroupId": vm.placement_group,
            "platformFaultDomain": vm.fault_domain,
            "platformUpdateDomain": vm.update_domain,
            "provider": "Microsoft.Compute",
            "resourceGroupName": fleet.resource_group,
            "resourceId": f"{group}/providers/Microsoft.Compute/virtualMachines/{vm.name}",
            "subscriptionId": fleet.subscription,
            "tags": ";".join(f"{name}:{value}" for name, value in tags.items()),
            "tagsList": [{"name": name, "value": value} for name, value in tags.items()],
            "virtualMachineScaleSet": {"id": ""},
            "vmId": f"emulated-{vm.name.lower()}",
            "vmScaleSetName": vm.scale_set,
            "vmSize": "Standard_D2s_v5",
            "zone": vm.zone,
        },
        "network": {"interface": [_interface(address) for address in vm.addresses]},
    }


def _render_event(event: RehearsedEvent, version: str) -> dict[str, Any]:
    underscore = "_" if version == UNDERSCORE_VERSION else ""
    shown: dict[str, Any] = {
        "EventId": event.id,
        "EventStatus": event.status,
        "EventType": event.type,
        "ResourceType": "VirtualMachine",
        "Resources": [f"{underscore}{resource}" for resource in event.resources],
        "NotBefore": "" if event.status == STARTED else _rfc_1123(event.not_before),
    }
    if version >= _DESCRIPTION_SINCE:
        shown["Description"] = event.description
    if version >= _SOURCE_SINCE:
        shown["EventSource"] = event.source
    if version >= _DURATION_SINCE:
        shown["DurationInSeconds"] = event.duration_seconds
    return shown


def _rfc_1123(instant: datetime) -> str:
    return format_datetime(instant.replace(microsecond=0), usegmt=True)


def _interface(address: str) -> dict[str, Any]:
    entry = {"ipAddress": [{"privateIpAddress": address, "publicIpAddress": ""}], "subnet": []}
    families = ("ipv6", "ipv4") if ":" in address else ("ipv4", "ipv6")
    return {families[0]: entry, families[1]: {"ipAddress": []}, "macAddress": ""}
