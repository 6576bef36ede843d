"""`leeward-imds`: the emulator, recorder and player as a program."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

import click

from services.vmwatch.emulator import recorder
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.commands import Order, RecordOrder, ReplayOrder, ServeOrder, parse
from services.vmwatch.emulator.masking import Masking, without_secrets
from services.vmwatch.emulator.recording import RecordingFile, load_recording
from services.vmwatch.emulator.replay import Replay
from services.vmwatch.emulator.replay_routes import ReplayRoutes
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.web_server import WebServer
from shared import lifecycle, logs
from shared.clock import SystemClock
from shared.settings import Listen, SettingsError, parse_listen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""

    async def life(stop: asyncio.Event) -> None:
        # Parsing inside the life cycle turns faults in files into one readable line and exit code 2.
        await _carry_out(parse(arguments), stop)

    try:
        return lifecycle.run(life)
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code


async def _carry_out(order: Order | None, stop: asyncio.Event) -> None:
    if order is None:
        return
    logs.configure(level=order.log_level)
    match order:
        case ServeOrder():
            await _serve(order, stop)
        case RecordOrder():
            await _record(order, stop)
        case ReplayOrder():
            await _replay(order, stop)


async def _serve(order: ServeOrder, stop: asyncio.Event) -> None:
    stage = Stage(order.fleet, Pace(SystemClock(), speed=order.speed), order.options)
    emulator = Emulator(stage, _listen(order.listen), order.timeline)
    async with AsyncExitStack() as resources:
        await _enter(resources, emulator, order.listen)
        for vm in order.fleet.vms:
            click.echo(f"{vm.name}: LEEWARD_IMDS_URL={emulator.url(vm.name)}")
        click.echo(f"control: {emulator.control_url}/control/state")
        await stop.wait()


async def _record(order: RecordOrder, stop: asyncio.Event) -> None:
    wanted = recorder.Order(
        source=order.source, poll_seconds=order.poll_seconds, seconds=order.seconds, is_masked=order.mask
    )
    rewrite = Masking() if order.mask else without_secrets
    with RecordingFile(order.file, max_bytes=order.max_bytes) as file:
        click.echo(f"recording {order.source} to {order.file}; stop with Ctrl-C")
        tally = await recorder.Recorder(wanted, file, rewrite, SystemClock()).run(stop)
    click.echo(f"asked {tally.polls} times, answered well {tally.well} times")
    if tally.well:
        click.echo(f"play it with: leeward-imds replay {order.file} --speed 60")
    else:
        click.echo(
            f"{order.source} has not answered well once: is it a metadata service, and asked from the VM itself?"
        )


async def _replay(order: ReplayOrder, stop: asyncio.Event) -> None:
    replay = Replay(load_recording(order.file), Pace(SystemClock(), speed=order.speed), order.dates)
    server = WebServer(ReplayRoutes(replay).routes(), _listen(order.listen))
    async with AsyncExitStack() as resources:
        await _enter(resources, server, order.listen)
        click.echo(f"{order.file}: LEEWARD_IMDS_URL={server.base}")
        click.echo(f"over at {replay.ends_at:%Y-%m-%d %H:%M:%S} UTC; state: {server.base}/control/state")
        await stop.wait()


async def _enter(resources: AsyncExitStack, server: Emulator | WebServer, listen: str) -> None:
    try:
        await resources.enter_async_context(server)
    except OSError as fault:
        raise SettingsError(f"cannot listen on {listen}: {fault}") from fault


def _listen(text: str) -> Listen:
    try:
        return parse_listen(text)
    except ValueError as fault:
        raise SettingsError(f"--listen {text}: {fault}") from fault


if __name__ == "__main__":
    sys.exit(main())
