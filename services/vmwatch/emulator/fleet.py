"""The VMs of an emulated fleet: from a YAML file, from flags, or the default three."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from services.vmwatch.emulator.hints import WrongKeysError, convert
from services.vmwatch.errors import FleetError


class Sees(StrEnum):
    """Which events a VM is told of: its group's, or its own only, as GPU VMs with one fault domain (§1.6)."""

    GROUP = "group"
    OWN = "own"


class Vm(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One VM as its instance document describes it; `pools` becomes the tag `leeward-pools`.

    Without `computer_name` it has the one that Azure would give (`names.computer_name`).
    """

    name: str
    pools: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    computer_name: str = ""
    computer_name_prefix: str = ""
    zone: str = ""
    physical_zone: str = ""
    scale_set: str = ""
    placement_group: str = "fleet"
    fault_domain: str = "0"
    update_domain: str = "0"
    size: str = "Standard_D2s_v5"
    priority: str = ""
    eviction_policy: str = ""
    vm_id: str = ""
    host_id: str = ""
    host_group_id: str = ""
    sees: Sees = Sees.GROUP
    tags: dict[str, str] = {}

    @property
    def document(self) -> str:
        """Who shares its Scheduled Events document: the placement group, else the scale set, else nobody."""
        return self.placement_group or self.scale_set or self.name


class Fleet(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """VMs of one resource group; those with the same placement group share one Scheduled Events document."""

    vms: tuple[Vm, ...]
    resource_group: str = "leeward"
    subscription: str = "00000000-0000-0000-0000-000000000000"
    location: str = "westeurope"

    def __post_init__(self) -> None:
        """Refuse (ValueError) an empty fleet and names that differ in case only."""
        names = [vm.name.lower() for vm in self.vms]
        if not names or not all(names):
            raise ValueError("a fleet needs at least one VM, each with a name")
        if len(set(names)) < len(names):
            raise ValueError(f"the names of VMs must differ: {', '.join(names)}")

    def find(self, name: str) -> Vm | None:
        """Return the VM of that name, whatever its case."""
        return next((vm for vm in self.vms if vm.name.lower() == name.lower()), None)


DEFAULT_FLEET: Final = Fleet(
    vms=(
        Vm(name="db-0", pools=("db",), addresses=("10.0.0.4",), fault_domain="0", update_domain="0"),
        Vm(name="db-1", pools=("db",), addresses=("10.0.0.5",), fault_domain="1", update_domain="1"),
        Vm(name="web-0", pools=("web",), addresses=("10.0.0.6",), fault_domain="2", update_domain="2"),
    )
)


def parse_vm(text: str) -> Vm:
    """Read `name[:pool,pool][@address,address]`. Raises FleetError."""
    rest, _, addresses = text.partition("@")
    name, _, pools = rest.partition(":")
    if not name:
        raise FleetError(f"{text!r} names no VM; write name:pool@address, for example db-0:db@10.0.0.4")
    return Vm(name=name, pools=_split(pools), addresses=_split(addresses))


def load_fleet(path: Path) -> Fleet:
    """Read a fleet file: `vms`, and optionally `resourceGroup`, `subscription`, `location`. Raises FleetError."""
    try:
        return convert(read_yaml(path), Fleet)
    except (OSError, yaml.YAMLError, WrongKeysError, UnicodeDecodeError) as fault:
        raise FleetError(f"{path}: {fault}") from fault


def read_yaml(path: Path) -> Any:
    """Return the plain values of a YAML file; raises OSError, UnicodeDecodeError, yaml.YAMLError."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
