"""The `leeward` command."""

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from services.client.command import Group, Target, target_options
from services.client.commands.audit import audit
from services.client.commands.collections import collection
from services.client.commands.events import event
from services.client.commands.exports import export
from services.client.commands.hosts import host
from services.client.commands.imports import import_
from services.client.commands.jobs import job
from services.client.commands.keys import keys
from services.client.commands.tokens import tokens
from services.client.commands.watch import watch
from services.client.errors import EXIT_CODES, RefusedError

_BEYOND = {
    "backup": "services.operations.backup.commands",
    "bundle": "services.operations.bundle.commands",
    "doctor": "services.operations.doctor.command",
    "rehearse": "services.local.commands",
    "restore": "services.operations.backup.commands",
    "up": "services.local.commands",
}
"""Commands that are more than a client, by their modules."""


class _Leeward(Group):
    """The root: adds what is more than a client only when it is asked for, since it imports the services."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted((*super().list_commands(context), *_BEYOND))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command by name."""
        return _beyond(name, _BEYOND[name]) if name in _BEYOND else super().get_command(context, name)


def _beyond(name: str, module: str) -> click.Command:
    try:
        command = getattr(import_module(module), name)
    except ImportError as fault:
        return _unavailable(name, "local" if module.startswith("services.local.") else "scheduler", fault)
    if not isinstance(command, click.Command):
        raise TypeError(f"{module}.{name} is no command")
    return command


def _unavailable(name: str, extra: str, fault: ImportError) -> click.Command:
    reason = f"`leeward {name}` needs more than the client: pip install 'leeward[{extra}]' ({fault})"

    def refuse() -> None:
        raise RefusedError(reason)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, short_help="(not installed)", help=reason, context_settings=settings)


def _version() -> str:
    try:
        return version("leeward")
    except PackageNotFoundError:
        return "unknown"


def _create() -> click.Group:
    @click.group(cls=_Leeward, params=target_options(environment=True), epilog=EXIT_CODES)
    @click.version_option(_version(), prog_name="leeward")
    @click.pass_context
    def leeward(context: click.Context) -> None:
        """Scheduled jobs that stay out of the weather.

        \b
        leeward up                                   everything on this machine
        leeward collection create demo
        leeward job create demo/hello --uri http://web-0:8080/hello --every 5m
        leeward job history demo/hello
        leeward host list
        leeward watch
        """
        # A flag would show the token to everybody who may list processes.
        context.ensure_object(Target).token = os.environ.get("LEEWARD_TOKEN", "")

    for command in (audit, collection, event, export, host, import_, job, keys, tokens, watch):
        leeward.add_command(command)
    return leeward


leeward = _create()


def main() -> None:
    """Run the command line."""
    leeward(prog_name="leeward")


if __name__ == "__main__":
    main()
