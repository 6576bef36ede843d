"""What docs/ say about settings, metrics and commands is what the code has."""

from collections.abc import Iterator

import click
import pytest

from services.client.__main__ import leeward
from tests.parts import cli_reference
from tests.parts.reference import DOCS, TABLES, refreshed


@pytest.mark.parametrize("document", ["settings.md", "metrics.md"])
def test_a_document_has_the_tables_that_the_code_gives(document: str) -> None:
    text = (DOCS / document).read_text()
    assert text == refreshed(text), "make docs writes it anew"


def test_every_table_stands_in_a_document() -> None:
    texts = "".join(document.read_text() for document in DOCS.glob("*.md"))
    assert [name for name in TABLES if f"<!-- {name}: make docs -->" not in texts] == []


def commands(command: click.Command, name: str) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command)
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        assert found is not None
        yield from commands(found, f"{name} {child}")


def test_every_command_of_the_client_is_described() -> None:
    text = (DOCS / "cli.md").read_text()
    assert [name for name in commands(leeward, "leeward") if f"`{name}" not in text] == []


def test_every_option_of_every_command_stands_in_the_reference_as_help_says_it() -> None:
    assert cli_reference.PAGE.read_text() == cli_reference.rendered(), "make docs writes it anew"
