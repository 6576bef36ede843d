"""`leeward up` and `leeward rehearse`, for the client's command line."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click

from services.local import timelines
from services.local.layout import DEFAULT_OPS_PORT, DEFAULT_PORT, UpOptions
from services.local.rehearse import Rehearsal, address, raise_event
from services.local.screen import Screen
from services.local.state import read_state
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
    """

    async def life(stop: asyncio.Event) -> None:
        timeline = timelines.find(scenario) if scenario else None
        options = UpOptions(scenario=timeline, **flags)
        await Up(options, Screen(), SystemClock(), os.environ).run(stop)

    sys.exit(run(life))


@click.command()
@click.argument("event_type", metavar="TYPE", type=click.Choice(_TYPES, case_sensitive=False))
@click.argument("hosts", metavar="HOST…", nargs=-1, required=True)
@click.option("--notice", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to NotBefore.")
@click.option(
    "--duration", type=click.IntRange(min=1), default=10, show_default=True, help="Seconds the interruption lasts."
)
@click.option(
    "--source",
    type=click.Choice(["User", "Platform"], case_sensitive=False),
    default="User",
    show_default=True,
    help="Who caused it; by default Leeward approves only what a user caused.",
)
@click.option("--description", default="A rehearsal.", show_default=True)
@_DATA
@click.option("--imds-url", help="Address of the emulator.  [default: the one of `leeward up`]")
def rehearse(
    event_type: str,
    hosts: tuple[str, ...],
    notice: float,
    duration: int,
    source: str,
    description: str,
    data: Path,
    imds_url: str | None,
) -> None:
    """Announce an event on HOST in the metadata emulator, as Azure would on a real VM.

    \b
    The same without this command:
      curl -X POST http://127.0.0.1:8169/control/events \\
           -d '{"type": "Reboot", "resources": ["db-0"], "source": "User", "noticeSeconds": 60}'
    """
    rehearsal = Rehearsal(
        type=event_type,
        resources=hosts,
        source=source,
        description=description,
        notice_seconds=notice,
        duration_seconds=duration,
    )

    async def announce(_: asyncio.Event) -> None:
        state = read_state(data)
        imds = address(imds_url, state.imds if state else None)
        event = await raise_event(imds, rehearsal)
        _explain(event, rehearsal.as_curl(imds), None if imds_url or state is None else state.api)

    sys.exit(run(announce))


def _explain(event: RehearsedEvent, curl: str, api: str | None) -> None:
    where = ", ".join(event.resources)
    click.echo(f"Announced: {event.type} of {where}, not before {event.not_before:%H:%M:%S} UTC (event {event.id}).")
    click.echo(
        f"Next: {where} is cordoned, jobs move away or wait, what runs there may finish, then the event is approved\n"
        "or its time comes, and afterwards everything goes back."
    )
    click.echo(f"Watch it in the terminal of `leeward up`{f' or at {api}/' if api else ''}.")
    click.echo(f"The same by hand: {curl}")
