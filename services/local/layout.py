"""Where each part of `leeward up` listens: announced ports are demanded, internal ones move out of the way."""

from pathlib import Path

import msgspec

from services.local.ports import LOOPBACK, choose, demand, following
from services.local.state import LocalState
from services.local.vms import VMS

DEFAULT_PORT = 8080
DEFAULT_OPS_PORT = 9464
_MQTT_PORT = 1883
_IMDS_PORT = 8169
_TARGETS_PORT = 9101


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
    """The ports of one `leeward up`; `ops` are the scheduler's and then the watchers'."""

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

    @property
    def mqtt_url(self) -> str:
        """The broker."""
        return f"mqtt://{LOOPBACK}:{self.mqtt}"


def lay_out(options: UpOptions, previous: LocalState | None) -> Layout:
    """Choose every port. Raises PortTakenError naming the flag to use.

    The targets keep the port of the previous start where they can, because stored jobs call it.
    """
    api = demand(options.port, purpose="API and portal", flag="--port")
    ops = tuple(
        demand(port, purpose=f"metrics of {name}", flag="--ops-port")
        for port, name in zip(
            following(options.ops_port, 1 + len(VMS)),
            ("the scheduler", *(f"{vm.name}'s watcher" for vm in VMS)),
            strict=True,
        )
    )
    taken = frozenset({api, *ops})
    mqtt = _internal(options.mqtt_port, "broker", "--mqtt-port", _MQTT_PORT, taken)
    imds = _internal(options.imds_port, "metadata emulator", "--imds-port", _IMDS_PORT, taken | {mqtt})
    return Layout(api=api, ops=ops, mqtt=mqtt, imds=imds, targets=_targets(options, previous, taken | {mqtt, imds}))


def _internal(asked: int | None, purpose: str, flag: str, usual: int, taken: frozenset[int]) -> int:
    return choose(usual, avoid=taken) if asked is None else demand(asked, purpose=purpose, flag=flag)


def _targets(options: UpOptions, previous: LocalState | None, taken: frozenset[int]) -> int:
    if options.targets_port is not None:
        return demand(options.targets_port, purpose="targets on the VMs", flag="--targets-port")
    wishes = (previous.targets_port, _TARGETS_PORT) if previous is not None else (_TARGETS_PORT,)
    return choose(*wishes, addresses=(LOOPBACK, *(vm.address for vm in VMS)), avoid=taken)
