"""docs/cli-reference.md, made from the commands themselves: what `--help` says of each; `make docs` writes it."""

from collections.abc import Iterator
from typing import Final

import click

from services.client.__main__ import leeward
from services.vmwatch.emulator.commands import imds
from tests.parts.pages import DOCS

PAGE: Final = DOCS / "cli-reference.md"
_WIDTH: Final = 100
_HEAD: Final = """\
# Every option of every command

What `--help` says of each command, made from the code by `make docs`. What they are for, with examples, is in
[the commands](cli.md). `leeward-scheduler` and `leeward-vmwatch` take their [settings](settings.md) as flags, and
`--check`, which only reads and judges them; `leeward-vmwatch` takes
[`--print`](install-on-a-vm.md#first-look-without-a-broker) as well.
"""


def rendered() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_sections(leeward, "leeward", None), *_sections(imds, "leeward-imds", None)])


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """Yield what there is to say of a command and of those below it."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=_WIDTH, terminal_width=_WIDTH)
    yield f"{'##' if parent is None else '###'} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _sections(found, child, context)
