"""Names as Azure gives them: computer name and ARM id of a VM, alone or in a scale set (reference §1.14)."""

import hashlib
from enum import StrEnum
from typing import Final

from services.vmwatch.names import computer_name_of, instance_of

_FLEXIBLE_WIDTH: Final = 6


class Orchestration(StrEnum):
    """What kind of VM it is: alone, or in a scale set of which the names tell the kind."""

    NONE = "none"
    UNIFORM = "uniform"
    FLEXIBLE = "flexible"


def orchestration(name: str, scale_set: str) -> Orchestration:
    """Tell the kind from the names: a uniform set's VMs are called `{set}_{decimal number}`."""
    if not scale_set:
        return Orchestration.NONE
    return Orchestration.UNIFORM if instance_of(name, scale_set) else Orchestration.FLEXIBLE


def computer_name(name: str, scale_set: str, prefix: str = "") -> str:
    """Return the hostname that Azure gives: `aks-vmss_18` is `aks-vmss00000i`; `prefix` is the scale set's.

    That of a flexible set's VM cannot be derived on Azure; here it is made up, and the same each time.
    """
    match orchestration(name, scale_set):
        case Orchestration.UNIFORM:
            return computer_name_of(prefix or scale_set, instance_of(name, scale_set))
        case Orchestration.FLEXIBLE:
            return (prefix or scale_set) + hashlib.sha256(name.lower().encode()).hexdigest()[:_FLEXIBLE_WIDTH]
    return name


def resource_path(name: str, scale_set: str) -> str:
    """Return what follows `/providers/Microsoft.Compute/` in the VM's ARM id."""
    if orchestration(name, scale_set) is Orchestration.UNIFORM:
        return f"virtualMachineScaleSets/{scale_set}/virtualMachines/{instance_of(name, scale_set)}"
    return f"virtualMachines/{name}"
