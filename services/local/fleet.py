"""The emulated VMs of `leeward up`, from the file that the emulator reads too."""

from pathlib import Path
from typing import Final

from services.vmwatch.emulator.fleet import Vm, load_fleet

FLEET_FILE: Final = Path(__file__).with_name("fleet.yaml")


def local_vms() -> tuple[Vm, ...]:
    """Return the VMs, each with one loopback address."""
    return load_fleet(FLEET_FILE).vms
