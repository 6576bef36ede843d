"""What the help of a command says, in parts: what it does, examples, exit codes, where to read on.

A docstring has it all: an example is a line below `\\b`, indented or not, that begins with a command.
"""

import inspect
from collections.abc import Iterator

import click
import msgspec

_NO_WRAP = "\b"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The parts; `examples` keep their lines, `text` are paragraphs."""

    text: tuple[str, ...]
    examples: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    exits: str = ""

    @property
    def end(self) -> tuple[str, ...]:
        """What stands below the options."""
        codes = f"Exit codes: {self.exits}." if self.exits else ""
        see = f"See also: {', '.join(self.see)}." if self.see else ""
        return tuple(line for line in (codes, see) if line)


def page_of(text: str, see: tuple[str, ...], exits: str) -> Page:
    """Return the parts of a docstring."""
    paragraphs, examples = [], []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith(_NO_WRAP):
            examples += inspect.cleandoc(paragraph.removeprefix(_NO_WRAP)).splitlines()
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return Page(text=tuple(filter(None, paragraphs)), examples=tuple(examples), see=see, exits=exits)


def commands_of(examples: tuple[str, ...]) -> Iterator[str]:
    """Yield the commands that examples show, those over several lines as one."""
    joined = "\n".join(examples).replace("\\\n", " ")
    for line in joined.splitlines():
        command = line.split("   ")[0].strip()
        if "leeward" in command:
            yield command


def write_page(page: Page, formatter: click.HelpFormatter) -> None:
    """Write what stands above the options."""
    with formatter.indentation():
        for paragraph in page.text:
            formatter.write_paragraph()
            formatter.write_text(paragraph)
    if page.examples:
        with formatter.section("Examples"):
            for line in page.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
