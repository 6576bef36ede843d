"""`leeward export`: everything as one file, to move on or to keep."""

import sys
from enum import StrEnum
from typing import Any

import click

from services.client.command import Command, Target, pass_target
from services.client.connection import Connection, path
from services.client.moving.exports import write_documents, write_template
from services.client.output import Format, show_document


class Shape(StrEnum):
    """What is written."""

    ARM = "arm"
    LEEWARD = "leeward"


_WRITERS = {Shape.ARM: write_template, Shape.LEEWARD: write_documents}


@click.command("export", cls=Command)
@click.argument("collections", nargs=-1, metavar="[COLLECTION]...")
@click.option(
    "--format",
    "shape",
    type=click.Choice([shape.value for shape in Shape]),
    default=Shape.ARM.value,
    help="An ARM template, or Leeward's own documents [default: arm].",
)
@pass_target
def export(target: Target, /, collections: tuple[str, ...], *, shape: str) -> None:
    """Write collections (all without a name) with their jobs, so that `leeward import` reads them back.

    JSON; documents of Leeward's own also as YAML, with --output yaml.

    \b
    leeward export > everything.json
    leeward export nightly --format leeward --output yaml > nightly.yaml
    """
    found, jobs = target.ask(lambda connection: _fetch(connection, collections))
    closed = [one["name"] for one in found if one.get("state", "Enabled").lower() != "enabled"]
    if closed:
        # The API shows every job behind a closed collection as disabled, so that is what can be written.
        click.echo(
            f"not enabled: {', '.join(closed)}; their jobs are written as disabled, whatever they were", err=True
        )
    yaml = target.shape is Format.YAML
    show_document(_WRITERS[Shape(shape)](found, jobs), Format.YAML if yaml else Format.JSON)


async def _fetch(connection: Connection, names: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if names:
        collections = [await connection.call("GET", path("collections", name)) for name in names]
    else:
        collections = await connection.list_all(path("collections"), limit=sys.maxsize)
    jobs: list[dict[str, Any]] = []
    for one in collections:
        jobs += await connection.list_all(path("collections", one["name"], "jobs"), limit=sys.maxsize)
    return collections, jobs
