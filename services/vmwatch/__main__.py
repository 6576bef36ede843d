"""`leeward-vmwatch`: the watcher as a program."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from random import Random
from time import monotonic
from typing import Final
from uuid import uuid4

import msgspec

from services.vmwatch.app import App, make_client
from services.vmwatch.checking import certificates, faults
from services.vmwatch.identity import Identity
from services.vmwatch.metrics import Metrics
from services.vmwatch.printing import Style, Viewer
from services.vmwatch.remote_app import RemoteApp
from services.vmwatch.settings import Settings
from shared import lifecycle, logs
from shared.about import product_version
from shared.checking import CHECK_HELP, HELP_FLAGS, expired, report, without_check
from shared.clock import SystemClock
from shared.settings import SettingsError, load, masked

UNREAD_EXIT_CODE: Final = 1
_PRINT_FLAG: Final = "--print"
_HELP: Final = """\
Watches Azure's Scheduled Events for this VM and tells the bus.

  --print[=text|json]
      only print what it sees, without a broker, until Ctrl-C; exit code 1 when events could not be read at the end

"""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for: `style` is None to serve the bus."""

    style: Style | None
    only_checks: bool
    flags: tuple[str, ...]


def main(environment: Mapping[str, str] | None = None, arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code: 0, 1 as `--print` has it, 2 for faulty settings."""
    code = 0

    async def serve(stop: asyncio.Event) -> None:
        nonlocal code
        # Loading inside the life cycle turns faulty settings into a readable message and exit code 2.
        order = _parse(sys.argv[1:] if arguments is None else arguments)
        settings = load(Settings, os.environ if environment is None else environment, order.flags)
        if order.only_checks:
            code = _check(settings)
            return
        if order.style is not None:
            code = await _print(settings, order.style, stop)
            return
        logs.configure(level=settings.log_level)
        version = product_version()
        logs.get_logger(__name__).info("starting", service="vmwatch", version=version, settings=masked(settings))
        kind = RemoteApp if settings.is_remote else App
        await kind(settings, Metrics(version), SystemClock(), lambda: uuid4().hex).run(stop)

    return lifecycle.run(serve) or code


def _parse(arguments: Sequence[str]) -> Order:
    """Take out what is no setting. Raises SettingsError."""
    only_checks, arguments = without_check(arguments)
    if HELP_FLAGS & set(arguments):
        sys.stdout.write(f"{_HELP}{CHECK_HELP}")
    asked = [argument for argument in arguments if argument.partition("=")[0] == _PRINT_FLAG]
    flags = tuple(argument for argument in arguments if argument not in asked)
    if not asked:
        return Order(style=None, only_checks=only_checks, flags=flags)
    text = asked[-1].partition("=")[2]
    try:
        return Order(style=Style(text or Style.TEXT), only_checks=only_checks, flags=flags)
    except ValueError:
        raise SettingsError(f"{asked[-1]}: write {_PRINT_FLAG}, {_PRINT_FLAG}=text or {_PRINT_FLAG}=json") from None


def _check(settings: Settings) -> int:
    return report("leeward-vmwatch", faults(settings), expired(certificates(settings), SystemClock().now()))


async def _print(settings: Settings, style: Style, stop: asyncio.Event) -> int:
    if settings.is_remote:
        raise SettingsError("--print shows what a metadata service says, and imds_url=none says that there is none")
    # What is wrong is printed; the same as log lines would only be in between.
    logs.configure(level="CRITICAL")
    async with make_client(settings, lambda outcome: None) as client:
        viewer = Viewer(
            client,
            Identity(client, settings.overrides, monotonic=monotonic, random=Random()),
            clock=SystemClock(),
            write=_write,
            style=style,
            poll_seconds=settings.poll_seconds,
        )
        try:
            await lifecycle.unless(stop, viewer.run())
        except BrokenPipeError:
            # Whoever read has enough, as `head` has; without this Python complains about the same again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if viewer.reads else UNREAD_EXIT_CODE


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
