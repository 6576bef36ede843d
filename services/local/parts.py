"""The processes of `leeward up`: how each is started, and how to see that it is ready."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from services.local.broker import BrokerCommand
from services.local.fleet import FLEET_FILE
from services.local.layout import Layout, UpOptions
from services.local.ports import LOOPBACK
from services.local.readiness import http_probe, tcp_probe
from services.local.supervisor import Part
from services.vmwatch.emulator.fleet import Vm

_ROOT: Final = Path(__file__).parents[2]
_OF_ONE_VM: Final = ("LEEWARD_HOST", "LEEWARD_POOLS", "LEEWARD_GROUP", "LEEWARD_EVENTGRID_LISTEN")
_OF_OTHER_CALLERS: Final = (
    "LEEWARD_TOKENS_FILE",
    "LEEWARD_OIDC_ISSUER",
    "LEEWARD_OIDC_AUDIENCE",
    "LEEWARD_LISTEN_CERT",
    "LEEWARD_LISTEN_KEY",
)
"""Everything here calls the scheduler without a token, by loopback."""
_GRACE_SECONDS: Final = 3
"""With the patience of the waves below, everything is stopped within 9 s."""


def all_parts(
    options: UpOptions,
    layout: Layout,
    vms: Sequence[Vm],
    broker: BrokerCommand,
    session: aiohttp.ClientSession,
    environment: Mapping[str, str],
) -> Iterator[Part]:
    """Yield every part in the order of starting; stopped the other way round, the scheduler goes first."""
    inherited = _environment(environment)
    yield Part(
        name="broker",
        argv=broker.argv,
        environment=inherited,
        probe=tcp_probe(LOOPBACK, layout.mqtt),
        wave=0,
        patience=1,
    )
    yield _emulator(options, layout, session, inherited)
    yield _targets(layout, vms, session, inherited)
    yield _scheduler(options, layout, broker, session, inherited)
    for vm, port in zip(vms, layout.ops[1:], strict=True):
        yield _watcher(vm, port, layout, broker, session, inherited)


def _emulator(options: UpOptions, layout: Layout, session: aiohttp.ClientSession, environment: dict[str, str]) -> Part:
    timeline = ("--timeline", str(options.scenario.resolve())) if options.scenario else ()
    flags = ("--listen", f"{LOOPBACK}:{layout.imds}", "--fleet", str(FLEET_FILE), *timeline)
    return Part(
        name="imds",
        argv=_module("services.vmwatch.emulator", *flags),
        environment=environment,
        probe=http_probe(session, f"{layout.imds_url}/control/state"),
        wave=1,
        patience=1,
    )


def _targets(layout: Layout, vms: Sequence[Vm], session: aiohttp.ClientSession, environment: dict[str, str]) -> Part:
    addresses = (f"anywhere={LOOPBACK}", *(f"{vm.name}={vm.addresses[0]}" for vm in vms))
    return Part(
        name="targets",
        argv=_module("services.local.targets", str(layout.targets), *addresses),
        environment=environment,
        probe=http_probe(session, f"http://{LOOPBACK}:{layout.targets}/"),
        wave=1,
        patience=1,
    )


def _watcher(
    vm: Vm,
    port: int,
    layout: Layout,
    broker: BrokerCommand,
    session: aiohttp.ClientSession,
    environment: dict[str, str],
) -> Part:
    flags = (
        *("--imds-url", f"{layout.imds_url}/vm/{vm.name}"),
        *("--mqtt-url", broker.url),
        *("--ops-listen", f"{LOOPBACK}:{port}"),
    )
    return Part(
        name=f"vmwatch-{vm.name}",
        argv=_module("services.vmwatch", *flags),
        environment=environment,
        probe=http_probe(session, f"http://{LOOPBACK}:{port}/readyz"),
        wave=2,
        patience=2,
    )


def _scheduler(
    options: UpOptions,
    layout: Layout,
    broker: BrokerCommand,
    session: aiohttp.ClientSession,
    environment: dict[str, str],
) -> Part:
    flags = (
        *("--mqtt-url", broker.url),
        *("--database-url", f"sqlite:///{options.data.resolve() / 'leeward.db'}"),
        *("--listen", f"{LOOPBACK}:{layout.api}"),
        *("--ops-listen", f"{LOOPBACK}:{layout.ops[0]}"),
        *("--targets-allow", "127.0.0.0/8"),
        *("--grace-seconds", str(_GRACE_SECONDS)),
    )
    return Part(
        name="scheduler",
        argv=_module("services.scheduler", *flags),
        environment=environment,
        probe=http_probe(session, f"http://{LOOPBACK}:{layout.ops[0]}/readyz"),
        wave=3,
        patience=5,
    )


def _module(name: str, *flags: str) -> tuple[str, ...]:
    # -P: a folder called `services` or `shared` where the command is run must not be taken for ours.
    return (sys.executable, "-P", "-m", name, *flags)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what every part inherits: ours, less what is of other sites than this one, and where the code is."""
    kept = {name: value for name, value in environment.items() if name not in (*_OF_ONE_VM, *_OF_OTHER_CALLERS)}
    paths = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH", "")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}
