"""The outermost command: knows every other by name and one line, and imports it when it is asked for."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click
import msgspec

from services.client.command import Group, Target
from services.client.errors import RefusedError
from services.client.rim import exit_code


class Entry(msgspec.Struct, frozen=True):
    """Where a command is, and what it does in one line: lists of commands need no more, and are shown at once."""

    module: str
    summary: str

    @property
    def extra(self) -> str | None:
        """What has to be installed for it beyond the client; None for nothing."""
        if self.module.startswith("services.client."):
            return None
        return "local" if self.module.startswith("services.local.") else "scheduler"


COMPLETE = "_LEEWARD_COMPLETE"
"""The variable by which a shell asks what a word may become."""
_NAME = "leeward"
Sections = Mapping[str, Mapping[str, Entry]]


class Root(Group):
    """Finds commands in their sections."""

    def __init__(self, *args: Any, sections: Sections, **more: Any) -> None:
        """Take the sections in the order in which help shows them."""
        super().__init__(*args, **more)
        self.sections = sections
        self.entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, by section."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name."""
        entry = self.entries.get(cmd_name)
        return None if entry is None else _load(cmd_name, entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return what the first word means; raises NoSuchCommand that names the nearest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as fault:
            raise click.NoSuchCommand(fault.command_name, possibilities=self.entries, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, by section, without importing any."""
        width = max(map(len, self.entries))
        for title, entries in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return what the word that is being typed may become, without importing any command."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.entries.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return a context that knows the environment; NO_COLOR there takes the colours away."""
        if extra.get("obj") is None:
            extra["obj"] = Target(os.environ)
        if os.environ.get("NO_COLOR"):
            extra.setdefault("color", False)
        return super().make_context(info_name, args, parent, **extra)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run the command line; the process ends with the exit code that the table of them says."""
        if instruction := os.environ.get(COMPLETE):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, _NAME, COMPLETE, instruction))
        words = list(sys.argv[1:] if args is None else args)
        sys.exit(exit_code(lambda: self._run(prog_name or _NAME, words)))

    def _run(self, name: str, words: list[str]) -> None:
        with self.make_context(name, words) as context:
            self.invoke(context)


def _load(name: str, entry: Entry) -> click.Command:
    try:
        module = import_module(entry.module)
    except ImportError as fault:
        if entry.extra is None:
            raise
        return _unavailable(name, entry.extra, fault)
    command = getattr(module, "import_" if name == "import" else name)
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry.module}.{name} is no command")
    return command


def _unavailable(name: str, extra: str, fault: ImportError) -> click.Command:
    reason = f"`leeward {name}` needs more than the client: pip install 'leeward[{extra}]' ({fault})"

    def refuse() -> None:
        raise RefusedError(reason)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, short_help="(not installed)", help=reason, context_settings=settings)
