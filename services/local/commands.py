"""`leeward up` and `leeward rehearse`, for the client's command line."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource

from services.client.command import Command, Target, pass_target
from services.client.completing import host_names
from services.local import timelines
from services.local.fleet_rehearsal import FleetRehearsal, announce, call_off, show_all
from services.local.layout import DEFAULT_OPS_PORT, DEFAULT_PORT, UpOptions
from services.local.rehearse import Rehearsal, address, raise_event
from services.local.screen import Screen
from services.local.state import LocalState, read_state
from services.local.up import Up
from services.vmwatch.emulator.events import RehearsedEvent
from shared.clock import SystemClock
from shared.lifecycle import run

_DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".leeward"),
    show_default=True,
    help="Folder of the database, the logs and the state file.",
)
_PORT = click.IntRange(1, 65535)
_TYPES = ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate")
_EMULATED = "A rehearsal."


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal as the command line says it; `source` and `imds_url` mean the emulator alone."""

    event_type: str | None
    hosts: tuple[str, ...]
    notice: float
    duration: int
    description: str | None
    source: str
    data: Path
    imds_url: str | None

    @property
    def is_whole(self) -> bool:
        """Whether it says what is to happen, and where."""
        return self.event_type is not None and bool(self.hosts)

    def on_fleet(self) -> FleetRehearsal:
        """Return what the scheduler is to announce; raises UsageError for what is the emulator's alone."""
        given = click.get_current_context().get_parameter_source("source")
        if self.imds_url is not None or given is ParameterSource.COMMANDLINE:
            raise click.UsageError("--source and --imds-url are the emulator's: leave them out for a real fleet")
        if not self.notice.is_integer():
            raise click.BadParameter("whole seconds, for a real fleet", param_hint="--notice")
        return FleetRehearsal(
            type=self.event_type or "",
            hosts=self.hosts,
            notice_seconds=int(self.notice),
            duration_seconds=self.duration,
            description=self.description or "",
        )

    def in_emulator(self) -> Rehearsal:
        """Return what the emulator is to raise."""
        return Rehearsal(
            type=self.event_type or "",
            resources=self.hosts,
            source=self.source,
            description=self.description or _EMULATED,
            notice_seconds=self.notice,
            duration_seconds=self.duration,
        )


@click.command()
@_DATA
@click.option("--port", type=_PORT, default=DEFAULT_PORT, show_default=True, help="Port of the API and the portal.")
@click.option(
    "--ops-port",
    type=_PORT,
    default=DEFAULT_OPS_PORT,
    show_default=True,
    help="Port of the scheduler's metrics; the watchers' follow it.",
)
@click.option("--mqtt-port", type=_PORT, help="Port of the broker.  [default: 1883, or a free one]")
@click.option("--imds-port", type=_PORT, help="Port of the metadata emulator.  [default: 8169, or a free one]")
@click.option("--targets-port", type=_PORT, help="Port of the jobs' targets.  [default: 9101, or a free one]")
@click.option(
    "--scenario", metavar="FILE|NAME", help=f"Timeline to play: a YAML file, or one of {', '.join(timelines.names())}."
)
@click.option("--demo/--no-demo", default=True, help="Create the demo jobs when they are not there.  [default: demo]")
@click.option(
    "--broker", type=click.Choice(["auto", "mosquitto", "iotcore"]), default="auto", help="Which broker to embed."
)
def up(scenario: str | None, **flags: Any) -> None:
    """Run all of Leeward on this machine, with an emulated fleet, and tell what happens.

    Starts a broker, a metadata emulator with three VMs, a watcher for each, a scheduler on SQLite, and small HTTP
    targets. A part that dies is started again. A second start continues with the same data.

    \b
    leeward up
    leeward up --scenario reboot --port 8090
    """

    async def life(stop: asyncio.Event) -> None:
        timeline = timelines.find(scenario) if scenario else None
        options = UpOptions(scenario=timeline, **flags)
        await Up(options, Screen(), SystemClock(), os.environ).run(stop)

    sys.exit(run(life))


@click.command(cls=Command, see=("leeward event show", "leeward watch"))
@click.argument(
    "event_type", metavar="TYPE", type=click.Choice(_TYPES, case_sensitive=False), required=False, default=None
)
@click.argument("hosts", metavar="HOST…", nargs=-1, shell_complete=host_names)
@click.option("--notice", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to NotBefore.")
@click.option(
    "--duration", type=click.IntRange(min=1), default=10, show_default=True, help="Seconds the interruption lasts."
)
@click.option("--description", help="Why, for whoever sees the event.")
@click.option("--fleet", is_flag=True, help="On the scheduler's real fleet, though an emulator is known here.")
@click.option("--yes", is_flag=True, help="Do not ask before a real fleet is touched.")
@click.option("--list", "listed", is_flag=True, help="Show the rehearsals of the fleet instead, past ones too.")
@click.option("--cancel", metavar="EVENT", help="Call one off instead.")
@click.option(
    "--source",
    type=click.Choice(["User", "Platform"], case_sensitive=False),
    default="User",
    show_default=True,
    help="In the emulator: who caused it; by default Leeward approves only what a user caused.",
)
@_DATA
@click.option("--imds-url", help="Address of the emulator.  [default: the one of `leeward up`]")
@pass_target
def rehearse(target: Target, /, listed: bool, cancel: str | None, fleet: bool, yes: bool, **order: Any) -> None:
    """Announce an event on HOST: in the emulator of `leeward up`, or else on the scheduler's real fleet.

    TYPE is Freeze, Reboot, Redeploy, Preempt or Terminate. Where `leeward up` has left its state (--data), or an
    emulator is named (--imds-url), the event is raised there, as Azure would on a real VM, and approved like one.

    Elsewhere, and with --fleet, the scheduler announces a rehearsal on its own: jobs move or wait, the host is drained
    and released, and nothing is asked of Azure. What it would do to which jobs is said first.

    \b
    leeward rehearse reboot db-0
    leeward rehearse reboot db-0 db-1 --fleet --notice 300 --duration 60
    leeward rehearse --list
    leeward rehearse --cancel REHEARSAL-0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0
    """
    if listed or cancel is not None:
        return show_all(target) if cancel is None else call_off(target, cancel)
    wanted = Order(**order)
    if not wanted.is_whole:
        raise click.UsageError("name a TYPE and a HOST, as in `leeward rehearse reboot db-0`; or --list, or --cancel")
    state = read_state(wanted.data)
    if fleet or (wanted.imds_url is None and state is None):
        return announce(target, wanted.on_fleet(), yes=yes)
    return _raise_in_emulator(wanted, state)


def _raise_in_emulator(order: Order, state: LocalState | None) -> None:
    rehearsal = order.in_emulator()

    async def raised(_: asyncio.Event) -> None:
        imds = address(order.imds_url, state.imds if state else None)
        event = await raise_event(imds, rehearsal)
        _explain(event, rehearsal.as_curl(imds), None if order.imds_url or state is None else state.api)

    sys.exit(run(raised))


def _explain(event: RehearsedEvent, curl: str, api: str | None) -> None:
    where = ", ".join(event.resources)
    click.echo(f"Announced: {event.type} of {where}, not before {event.not_before:%H:%M:%S} UTC (event {event.id}).")
    click.echo(
        f"Next: {where} is cordoned, jobs move away or wait, what runs there may finish, then the event is approved\n"
        "or its time comes, and afterwards everything goes back."
    )
    click.echo(f"Watch it in the terminal of `leeward up`{f' or at {api}/' if api else ''}.")
    click.echo(f"The same by hand: {curl}")
