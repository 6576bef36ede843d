"""The command line of `leeward-imds`: emulate, record, replay. Each command returns what is to be done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
from click.core import ParameterSource

from services.vmwatch.emulator.events import Approvals, Habits
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Fleet, load_fleet, parse_vm
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.recorder import SHORTEST_POLL_SECONDS
from services.vmwatch.emulator.replay import Dates
from services.vmwatch.emulator.steps import Step
from services.vmwatch.emulator.timeline import load_timeline
from services.vmwatch.errors import FleetError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SPEED = click.FloatRange(min=0.001, max=1_000_000)
_SECONDS = click.FloatRange(min=0)
_LISTEN = click.option(
    "--listen", default="127.0.0.1:8169", show_default=True, help="Address and port; port 0 takes a free one."
)
_LOG_LEVEL = click.option("--log-level", default="INFO", show_default=True, help="DEBUG, INFO, WARNING or ERROR.")


class ServeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Emulate a fleet."""

    listen: str
    fleet: Fleet
    timeline: tuple[Step, ...]
    speed: float
    options: Options
    log_level: str


class RecordOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Write down what a metadata service answers."""

    source: str
    file: Path
    seconds: float | None
    poll_seconds: float
    max_bytes: int
    mask: bool
    log_level: str


class ReplayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Play a recording."""

    listen: str
    file: Path
    speed: float
    dates: Dates
    log_level: str


Order = ServeOrder | RecordOrder | ReplayOrder


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@_LISTEN
@click.option("--fleet", "fleet_file", type=_FILE, help="YAML file that describes the VMs.")
@click.option("--vm", "vms", multiple=True, metavar="NAME[:POOL,…][@ADDRESS,…]", help="A VM; may be repeated.")
@click.option("--timeline", type=_FILE, help="YAML file with the steps to play.")
@click.option("--speed", type=_SPEED, default=1.0, show_default=True, help="How much faster spans pass.")
@click.option(
    "--approvals",
    type=click.Choice([choice.value for choice in Approvals]),
    default="any",
    show_default=True,
    help="How many of an event's VMs must approve before it starts early.",
)
@click.option(
    "--start-delay", type=_SECONDS, default=1.0, show_default=True, help="Seconds between approval and start."
)
@click.option(
    "--first-call-delay", type=_SECONDS, default=0.0, help="Seconds the first answer takes; Azure: up to 120."
)
@click.option(
    "--activation-delay", type=_SECONDS, default=0.0, help="Seconds until events begin to show; Azure: up to 300."
)
@click.option(
    "--disable-after", type=_SECONDS, default=0.0, help="Idle seconds until the service is switched off; Azure: 86400."
)
@click.option("--requests-per-second", default=0, help="Requests per VM and second before 429; Azure: 5.")
@click.option("--check", is_flag=True, help="Only read the files, say what is wrong with them, and end.")
@click.option("--etag", is_flag=True, help="Send ETag and answer If-None-Match with 304.")
@_LOG_LEVEL
@click.pass_context
def imds(context: click.Context, /, log_level: str, **flags: Any) -> ServeOrder | None:
    """Emulate Azure's metadata service with Scheduled Events for a fleet of VMs; record a real one; replay it.

    Each VM has its own base URL, http://ADDRESS/vm/NAME (for LEEWARD_IMDS_URL). Events are raised and steered below
    http://ADDRESS/control, or by a timeline. All seconds are Azure's: at --speed 60 a minute passes in a second.

    \b
    Two VMs, and a reboot of one of them in a minute:
      leeward-imds --vm db-0:db@10.0.0.4 --vm db-1:db@10.0.0.5
      curl -H Metadata:true \\
        'http://127.0.0.1:8169/vm/db-0/metadata/scheduledevents?api-version=2020-07-01'
      curl -X POST http://127.0.0.1:8169/control/events \\
        -d '{"type": "Reboot", "resources": ["db-0"], "noticeSeconds": 60}'

    \b
    As strict as Azure, an hour in a minute:
      leeward-imds --speed 60 --first-call-delay 120 --activation-delay 300 \\
        --disable-after 86400 --requests-per-second 5 --approvals all

    \b
    On a VM, record what Azure says for a day, then play it in 24 minutes anywhere:
      leeward-imds record --from http://169.254.169.254 --to day.jsonl --seconds 86400 --mask
      leeward-imds replay day.jsonl --speed 60

    docs/emulator.md describes the control API, timelines, fleets and the pytest fixtures.
    """
    context.obj = log_level
    if context.invoked_subcommand:
        _refuse_flags(context, context.invoked_subcommand)
        return None
    fleet = _fleet(flags["fleet_file"], flags["vms"])
    order = ServeOrder(
        listen=flags["listen"],
        fleet=fleet,
        timeline=load_timeline(flags["timeline"], fleet) if flags["timeline"] else (),
        speed=flags["speed"],
        options=Options(
            first_call_delay=flags["first_call_delay"],
            activation_delay=flags["activation_delay"],
            disable_after=flags["disable_after"],
            requests_per_second=flags["requests_per_second"],
            etag=flags["etag"],
            habits=Habits(approvals=Approvals(flags["approvals"]), start_delay=flags["start_delay"]),
        ),
        log_level=log_level,
    )
    if flags["check"]:
        click.echo(f"leeward-imds: {len(fleet.vms)} VMs and {len(order.timeline)} steps can be played")
        return None
    return order


def _web_address(_context: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        place = urlsplit(text)
        is_address = place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise click.BadParameter(f"{text!r} is no address; write http://address, what comes before /metadata")
    return text


@imds.command()
@click.option(
    "--from",
    "source",
    default="http://169.254.169.254",
    show_default=True,
    callback=_web_address,
    help="What comes before /metadata.",
)
@click.option(
    "--to", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write, a new one."
)
@click.option("--seconds", type=_SECONDS, help="How long to record.  [default: until stopped]")
@click.option(
    "--poll-seconds",
    type=click.FloatRange(min=SHORTEST_POLL_SECONDS),
    default=1.0,
    show_default=True,
    help="How often to ask; a VM has five requests a second for all its programs.",
)
@click.option("--max-bytes", type=click.IntRange(min=1000), default=64_000_000, show_default=True, help="Size limit.")
@click.option("--mask", is_flag=True, help="Replace names, ids and addresses by made-up ones.")
@click.pass_obj
def record(log_level: str, /, **flags: Any) -> RecordOrder:
    """Write down what a real metadata service answers, each answer that differs from the one before.

    Asking switches Scheduled Events on for the VM's whole group, and from then on restarts by users wait for their
    approval or up to 15 minutes. Recording never approves. Secrets of the instance document are left out always.

    \b
      leeward-imds record --to day.jsonl --seconds 86400 --mask
    """
    return RecordOrder(log_level=log_level, **flags)


@imds.command()
@click.argument("file", type=_FILE)
@_LISTEN
@click.option("--speed", type=_SPEED, default=1.0, show_default=True, help="How much faster it plays.")
@click.option(
    "--dates",
    type=click.Choice([choice.value for choice in Dates]),
    default="moved",
    show_default=True,
    help="Whether NotBefore is moved to where the replay stands.",
)
@click.pass_obj
def replay(log_level: str, /, dates: str, **flags: Any) -> ReplayOrder:
    """Play a recording to any client that asks, below any /vm/NAME or without. At the end its last answer stays.

    \b
      leeward-imds replay day.jsonl --speed 60
      LEEWARD_IMDS_URL=http://127.0.0.1:8169/vm/vm-1 leeward-vmwatch
    """
    return ReplayOrder(dates=Dates(dates), log_level=log_level, **flags)


def parse(arguments: Sequence[str] | None) -> Order | None:
    """Return what the command line asks for; None when it only wanted to read. Raises click's and our own errors."""
    asked = imds.main(args=arguments, prog_name="leeward-imds", standalone_mode=False)
    return asked if isinstance(asked, Order) else None


def _refuse_flags(context: click.Context, command: str) -> None:
    """Flags of the emulator before a command would do nothing there."""
    for name in context.params:
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name != "log_level":
            flag = next(param.opts[0] for param in context.command.params if param.name == name)
            raise click.UsageError(f"{flag} before {command} has no effect; write it after {command}, if it takes it")


def _fleet(file: Path | None, vms: Sequence[str]) -> Fleet:
    if file and vms:
        raise FleetError("give either --fleet or --vm")
    if file:
        return load_fleet(file)
    try:
        return Fleet(vms=tuple(map(parse_vm, vms))) if vms else DEFAULT_FLEET
    except ValueError as fault:
        raise FleetError(str(fault)) from fault
