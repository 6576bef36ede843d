"""`leeward import`: moving in from Azure Scheduler, or from another Leeward."""

import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from services.client.command import Command, Target, pass_target
from services.client.commands.import_run import carry_out, prepare
from services.client.documents import read_document
from services.client.errors import RefusedError
from services.client.moving.parameters import read_given
from services.client.moving.plan import Outcome, Step, closed, counts, merged
from services.client.moving.sources import Foreign, read_source
from services.client.moving.templates import is_template
from services.client.moving.translation import Wanted, translate
from services.client.options import pairs
from services.client.output import Format, Row, field, show_document, show_rows
from shared.clock import SystemClock

if TYPE_CHECKING:
    from services.client.api.client import Client

_STEPS = (
    field("NAME", "name", whole=True),
    field("OUTCOME", "outcome", whole=True),
    field("WHY", "why"),
)
_WIDTH = 80
_SUMMARY = (field("OUTCOME", "outcome"), field("COLLECTIONS", "collections"), field("JOBS", "jobs"))


@click.command("import", cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--parameters", metavar="FILE", help="Values for templates: a deployment's parameters file.")
@click.option("--set", "texts", multiple=True, metavar="NAME=VALUE", help="One value for templates; may be repeated.")
@click.option("--collection", metavar="NAME", help="Where jobs belong that do not say so (classic API).")
@click.option("--disabled", is_flag=True, help="Leave the collections disabled, so that nothing runs yet.")
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--skip-unsupported", is_flag=True, help="What cannot be carried is no failure.")
@pass_target
def import_(
    target: Target,
    /,
    files: tuple[str, ...],
    *,
    parameters: str | None,
    texts: tuple[str, ...],
    collection: str | None,
    disabled: bool,
    dry_run: bool,
    skip_unsupported: bool,
) -> None:
    """Take over collections and jobs from files; safe to repeat.

    Files are ARM templates, JSON of Azure Scheduler's APIs (lists or single ones, classic too with --collection), or
    what `leeward export` wrote; JSON or YAML, - is standard input.

    \b
    leeward import template.json --parameters parameters.json --dry-run
    leeward import template.json --set jobCollectionName=nightly
    leeward import jobs.json --collection nightly
    """
    given = None if parameters is None else read_document(parameters)
    described, foreign = _read(files, given, pairs(texts, "=", "--set"), collection)
    wanted = closed(described) if disabled else described
    progress = target.shape.is_for_people and sys.stderr.isatty()

    async def converse(connection: "Client") -> list[Step]:
        steps = await prepare(connection, wanted)
        return steps if dry_run else await carry_out(connection, steps, progress=progress)

    steps = target.ask(converse)
    _show(steps, foreign, target.shape, dry_run=dry_run)
    _judge(steps, skip_unsupported=skip_unsupported)


def _read(
    files: Sequence[str], parameters: Any, texts: dict[str, str], collection: str | None
) -> tuple[list[Wanted], list[Foreign]]:
    documents = [read_document(file) for file in files]
    given = read_given(parameters, texts)
    given.refuse_strangers([document for document in documents if is_template(document)])
    found = [one for document in documents for one in read_source(document, given, collection)]
    now = SystemClock().now()
    wanted = merged(translate(one, now) for one in found if not isinstance(one, Foreign))
    return wanted, [one for one in found if isinstance(one, Foreign)]


def _show(steps: Sequence[Step], foreign: Sequence[Foreign], shape: Format, *, dry_run: bool) -> None:
    rows = [_row(step) for step in steps]
    if shape is Format.NAME:
        show_document(rows, shape)
        return
    if shape.is_document:
        others = [{"type": one.type, "name": one.name} for one in foreign]
        show_document({"dryRun": dry_run, "summary": counts(steps), "value": rows, "ignored": others}, shape)
        return
    lines = [line for row in rows for line in _lines(row)]
    if lines:
        show_rows(lines, _STEPS, shape)
        click.echo()
    show_rows([{"outcome": name, **numbers} for name, numbers in counts(steps).items()], _SUMMARY, shape)
    for one in foreign:
        click.echo(f"left alone: {one.name}, a {one.type}", err=True)
    if dry_run:
        click.echo("a dry run: nothing was changed", err=True)


def _lines(row: Row) -> list[Row]:
    """Return a line for each thing to say, more for a long one, so that none is cut; unchanged alone says nothing."""
    reasons = [part for reason in (*row.get("why", ()), *row.get("notes", ())) for part in wrap(reason, _WIDTH)]
    if not reasons and row["outcome"] == Outcome.UNCHANGED:
        return []
    return [{**row, "why": reason} for reason in reasons or [""]]


def _row(step: Step) -> Row:
    kind = "collection" if step.wanted.job is None else "job"
    row: Row = {"kind": kind, "name": step.wanted.name, "outcome": step.outcome.value}
    if step.why:
        row["why"] = list(step.why)
    return row | ({"notes": list(step.wanted.notes)} if step.wanted.notes else {})


def _judge(steps: Sequence[Step], *, skip_unsupported: bool) -> None:
    """Raise RefusedError when something did not come over that was not said to be skipped."""
    refused = sum(step.outcome is Outcome.REFUSED for step in steps)
    skipped = sum(step.outcome is Outcome.SKIPPED for step in steps)
    if refused:
        raise RefusedError(f"{refused} of {len(steps)} were refused")
    if skipped and not skip_unsupported:
        raise RefusedError(f"{skipped} of {len(steps)} cannot be carried; --skip-unsupported accepts that")
