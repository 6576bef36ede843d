"""`leeward export`: everything as one file, to move on or to keep."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click

from services.client.api.paths import path
from services.client.command import Command, Target, pass_target
from services.client.moving.exports import write_documents, write_template
from services.client.output import Format, show_document
from services.client.progress import bar

if TYPE_CHECKING:
    from services.client.api.client import Client


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
    found, jobs = target.ask(lambda client: _fetch(client, collections))
    closed = [one["name"] for one in found if one.get("state", "Enabled").lower() != "enabled"]
    if closed:
        # The API shows every job behind a closed collection as disabled, so that is what can be written.
        click.echo(
            f"not enabled: {', '.join(closed)}; their jobs are written as disabled, whatever they were", err=True
        )
    yaml = target.shape is Format.YAML
    show_document(_WRITERS[Shape(shape)](found, jobs), Format.YAML if yaml else Format.JSON)


async def _fetch(client: "Client", names: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if names:
        collections = [await client.call("GET", path("collections", name)) for name in names]
    else:
        collections = await client.list_all(path("collections"), limit=sys.maxsize)
    jobs: list[dict[str, Any]] = []
    with bar("reading", None, unit="jobs") as advance:
        for one in collections:
            async for job in client.each(dict[str, Any], path("collections", one["name"], "jobs")):
                jobs.append(job)
                advance(1)
    return collections, jobs
