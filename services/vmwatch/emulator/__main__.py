"""`leeward-imds`: the emulator as a program."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import msgspec

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Approvals, Habits
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Fleet, load_fleet, parse_vm
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.timeline import Step, load_timeline
from services.vmwatch.errors import FleetError
from shared import lifecycle, logs
from shared.clock import SystemClock
from shared.settings import SettingsError, parse_listen

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    listen: str
    fleet: Fleet
    timeline: tuple[Step, ...]
    speed: float
    options: Options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--listen", default="127.0.0.1:8169", show_default=True, help="Address and port; port 0 takes a free one."
)
@click.option("--fleet", "fleet_file", type=_FILE, help="YAML file that describes the VMs.")
@click.option("--vm", "vms", multiple=True, metavar="NAME[:POOL,…][@ADDRESS,…]", help="A VM; may be repeated.")
@click.option("--timeline", type=_FILE, help="YAML file with the steps to play.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, help="How much faster spans pass.")
@click.option(
    "--approvals", type=click.Choice([choice.value for choice in Approvals]), default="any", help="Who must approve."
)
@click.option("--start-delay", default=1.0, help="Seconds between approval and start.", show_default=True)
@click.option("--first-call-delay", default=0.0, help="Seconds the first answer takes; Azure: up to 120.")
@click.option("--disable-after", default=0.0, help="Idle seconds until the service is switched off; Azure: 86400.")
@click.option("--requests-per-second", default=0, help="Requests per VM and second before 429; Azure: 5.")
@click.option("--etag", is_flag=True, help="Send ETag and answer If-None-Match with 304.")
@click.option("--log-level", default="INFO", show_default=True)
@click.pass_context
def _parse(context: click.Context, /, log_level: str, **flags: Any) -> Order:
    """Emulate Azure's metadata service with Scheduled Events for a fleet of VMs.

    Each VM has its own base URL, http://ADDRESS/vm/NAME, for LEEWARD_IMDS_URL. Events are raised and steered below
    http://ADDRESS/control, or by a timeline.
    """
    logs.configure(level=log_level)
    return Order(
        listen=flags["listen"],
        fleet=_fleet(flags["fleet_file"], flags["vms"]),
        timeline=load_timeline(flags["timeline"]) if flags["timeline"] else (),
        speed=flags["speed"],
        options=Options(
            first_call_delay=flags["first_call_delay"],
            disable_after=flags["disable_after"],
            requests_per_second=flags["requests_per_second"],
            etag=flags["etag"],
            habits=Habits(approvals=Approvals(flags["approvals"]), start_delay=flags["start_delay"]),
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""

    async def serve(stop: asyncio.Event) -> None:
        # Parsing inside the life cycle turns faults in files into one readable line and exit code 2.
        order = _parse.main(args=arguments, prog_name="leeward-imds", standalone_mode=False)
        if isinstance(order, Order):
            await _serve(order, stop)

    try:
        return lifecycle.run(serve)
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code


async def _serve(order: Order, stop: asyncio.Event) -> None:
    try:
        listen = parse_listen(order.listen)
    except ValueError as fault:
        raise SettingsError(f"--listen {order.listen}: {fault}") from fault
    stage = Stage(order.fleet, Pace(SystemClock(), speed=order.speed), order.options)
    async with AsyncExitStack() as resources:
        try:
            emulator = await resources.enter_async_context(Emulator(stage, listen, order.timeline))
        except OSError as fault:
            raise SettingsError(f"cannot listen on {listen}: {fault}") from fault
        for vm in order.fleet.vms:
            click.echo(f"{vm.name}: LEEWARD_IMDS_URL={emulator.url(vm.name)}")
        click.echo(f"control: {emulator.control_url}/control/state")
        await stop.wait()


def _fleet(file: Path | None, vms: Sequence[str]) -> Fleet:
    if file and vms:
        raise FleetError("give either --fleet or --vm")
    if file:
        return load_fleet(file)
    try:
        return Fleet(vms=tuple(map(parse_vm, vms))) if vms else DEFAULT_FLEET
    except ValueError as fault:
        raise FleetError(str(fault)) from fault


if __name__ == "__main__":
    sys.exit(main())
