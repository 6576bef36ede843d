"""Where each part of `leeward up` listens: announced ports are demanded, internal ones move out of the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from services.local.ports import LOOPBACK, choose, demand, following
from services.local.state import LocalState
from services.vmwatch.emulator.fleet import Vm

DEFAULT_PORT: Final = 8080
DEFAULT_OPS_PORT: Final = 9464
_MQTT_PORT: Final = 1883
_IMDS_PORT: Final = 8169
_TARGETS_PORT: Final = 9101


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `leeward up` was asked for; a port of None is chosen. `broker` is auto, mosquitto or iotcore."""

    data: Path
    port: int = DEFAULT_PORT
    ops_port: int = DEFAULT_OPS_PORT
    mqtt_port: int | None = None
    imds_port: int | None = None
    targets_port: int | None = None
    scenario: Path | None = None
    demo: bool = True
    broker: str = "auto"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The ports of one `leeward up`; `ops` are the scheduler's and then the watchers', in the fleet's order."""

    api: int
    ops: tuple[int, ...]
    mqtt: int
    imds: int
    targets: int

    @property
    def api_url(self) -> str:
        """The scheduler's API and portal."""
        return f"http://{LOOPBACK}:{self.api}"

    @property
    def imds_url(self) -> str:
        """The emulator: its control API, and below `/vm/NAME` what that VM sees."""
        return f"http://{LOOPBACK}:{self.imds}"


def lay_out(options: UpOptions, vms: Sequence[Vm], previous: LocalState | None) -> Layout:
    """Choose every port. Raises PortTakenError naming the flag to use.

    The targets keep the port of the previous start where they can, because stored jobs call it.
    """
    api = demand(options.port, purpose="API and portal", flag="--port")
    owners = ("the scheduler", *(f"the watcher of {vm.name}" for vm in vms))
    ports = following(options.ops_port, len(owners), flag="--ops-port")
    ops = tuple(
        demand(port, purpose=f"metrics of {owner}", flag="--ops-port", avoid=frozenset({api}))
        for port, owner in zip(ports, owners, strict=True)
    )
    taken = frozenset({api, *ops})
    mqtt = _internal(options.mqtt_port, "broker", "--mqtt-port", _MQTT_PORT, taken)
    imds = _internal(options.imds_port, "metadata emulator", "--imds-port", _IMDS_PORT, taken | {mqtt})
    targets = _targets(options, vms, previous, taken | {mqtt, imds})
    return Layout(api=api, ops=ops, mqtt=mqtt, imds=imds, targets=targets)


def _internal(asked: int | None, purpose: str, flag: str, usual: int, taken: frozenset[int]) -> int:
    if asked is None:
        return choose(usual, avoid=taken)
    return demand(asked, purpose=purpose, flag=flag, avoid=taken)


def _targets(options: UpOptions, vms: Sequence[Vm], previous: LocalState | None, taken: frozenset[int]) -> int:
    if options.targets_port is not None:
        return demand(options.targets_port, purpose="targets on the VMs", flag="--targets-port", avoid=taken)
    wishes = (previous.targets_port, _TARGETS_PORT) if previous is not None else (_TARGETS_PORT,)
    return choose(*wishes, addresses=(LOOPBACK, *(vm.addresses[0] for vm in vms)), avoid=taken)
