"""`leeward apply`: have collections and jobs be as files say."""

import sys
from collections.abc import Sequence

import click

from services.client.applying.files import Fault, File, find_files
from services.client.applying.form import Content, read_files
from services.client.applying.ownership import check_owner
from services.client.applying.plan import Extent, Rules, Task, unclaimed, wanted_of
from services.client.applying.schema import Schema, schema_text
from services.client.command import Command, Target, pass_target
from services.client.commands.apply_report import lines, question, report, summary, troubles
from services.client.commands.apply_run import Preview, prepare, with_secrets, write
from services.client.errors import MovingError, RefusedError
from services.client.forms import Format
from services.client.moving.plan import Outcome
from services.client.options import with_options
from services.client.output import show_document
from shared.clock import SystemClock

_CHANGES = (Outcome.CREATED, Outcome.UPDATED, Outcome.DELETED)
_OPTIONS = (
    click.option(
        "-f", "--file", "files", multiple=True, metavar="PATH", help="A file, a folder, - for standard input."
    ),
    click.argument("more", nargs=-1, metavar="[PATH]..."),
    click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked."),
    click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing."),
    click.option("--diff", is_flag=True, help="As --dry-run, with exit code 1 when something would change."),
    click.option("--prune", is_flag=True, help="Delete jobs that were applied once and are in the files no more."),
    click.option(
        "--owner", default="files", help="Whose files these are: --prune is about these only [default: files]."
    ),
    click.option("--adopt", is_flag=True, help="Take jobs that are as the files say, but made by hand, for applied."),
    click.option("--secrets", is_flag=True, help="Write secrets of the files anew: nobody can tell if they changed."),
    click.option("--schema", is_flag=True, help="Print the JSON Schema of the files, for editors, and end."),
)


@click.command(
    "apply",
    cls=Command,
    see=("leeward export", "leeward import", "leeward job create"),
    exits="1 with --diff when something would change, else when something was refused; 2 when a file is faulty",
)
@with_options(_OPTIONS)
@pass_target
def apply(
    target: Target,
    /,
    files: tuple[str, ...],
    more: tuple[str, ...],
    *,
    yes: bool,
    dry_run: bool,
    diff: bool,
    prune: bool,
    owner: str,
    adopt: bool,
    secrets: bool,
    schema: bool,
) -> None:
    """Have collections and jobs be as files say: shows what differs, asks, creates and changes; safe to repeat.

    Files are YAML or JSON with documents of kind collection or job, or what `leeward export --format leeward` writes;
    a folder stands for all below it that end in .yaml, .yml or .json.

    \b
    leeward apply -f jobs/
    leeward apply -f jobs/ --diff                          exit code 1 when something would change
    leeward apply -f jobs/ --prune --yes
    leeward export --format leeward --output yaml | leeward apply -f - --diff
    """
    if schema:
        click.echo(schema_text(), nl=False)
        return
    if not (paths := (*files, *more)):
        raise click.UsageError("give files or folders: -f PATH")
    extent = Extent.PRUNE if prune else Extent.NAMED
    rules = Rules(owner=check_owner(owner), extent=extent, adopt=adopt, secrets=secrets)
    content = _read(paths)
    wanted = wanted_of(content.entries, SystemClock().now())
    preview = target.ask(lambda connection: prepare(connection, content.entries, wanted, rules))
    if preview.faults:
        raise _faulty(preview.faults)
    if dry_run or diff:
        _show(preview.tasks, target.shape, dry_run=True)
        _hint(preview, rules)
        _judge_preview(preview.tasks, diff=diff)
        return
    _carry_out(target, preview, yes=yes)
    _hint(preview, rules)


def _read(paths: Sequence[str]) -> Content:
    content = read_files(map(File, find_files(paths)), Schema(schema_text()))
    for warning in content.warnings:
        click.echo(f"warning: {warning}", err=True)
    if content.faults:
        raise _faulty(content.faults)
    return content


def _faulty(faults: Sequence[Fault]) -> MovingError:
    found = "\n".join(map(str, faults))
    return MovingError(f"{len(faults)} in the files, nothing was changed:\n{found}")


def _carry_out(target: Target, preview: Preview, *, yes: bool) -> None:
    tasks, faults = with_secrets(preview.tasks)
    if faults:
        raise _faulty(faults)
    changing = any(task.outcome in _CHANGES for task in tasks)
    if changing and not yes:
        _ask(preview, target.shape)
    progress = target.shape.is_for_people and sys.stderr.isatty()
    done = target.ask(lambda connection: write(connection, tasks, progress=progress)) if changing else tasks
    if not target.shape.is_for_people:
        show_document(report(done, dry_run=False), target.shape)
    else:
        # Whoever was asked has seen the rest.
        for line in lines(done if yes else troubles(done)):
            click.echo(line)
        click.echo(summary(done, done=True))
    _judge_tasks(done)


def _ask(preview: Preview, shape: Format) -> None:
    if not shape.is_for_people or not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes, or look first with --dry-run")
    _show(preview.tasks, shape, dry_run=False)
    click.confirm(question(preview.tasks, preview.there.jobs), abort=True)


def _show(tasks: Sequence[Task], shape: Format, *, dry_run: bool) -> None:
    if not shape.is_for_people:
        show_document(report(tasks, dry_run=dry_run), shape)
        return
    for line in lines(tasks):
        click.echo(line)
    click.echo(summary(tasks, done=False))
    if dry_run:
        click.echo("a dry run: nothing was changed", err=True)


def _hint(preview: Preview, rules: Rules) -> None:
    """Say what a prune would never take, where somebody counts on it."""
    found = unclaimed(preview.tasks, preview.there)
    if found and rules.extent is Extent.PRUNE and not rules.adopt:
        click.echo(f"not applied, so never pruned: {', '.join(found)}; --adopt takes them for applied", err=True)


def _judge_preview(tasks: Sequence[Task], *, diff: bool) -> None:
    _judge_tasks(tasks)
    if diff and any(task.outcome in _CHANGES for task in tasks):
        raise click.exceptions.Exit(1)


def _judge_tasks(tasks: Sequence[Task]) -> None:
    refused = sum(task.outcome is Outcome.REFUSED for task in tasks)
    skipped = sum(task.outcome is Outcome.SKIPPED for task in tasks)
    if refused:
        raise RefusedError(f"{refused} of {len(tasks)} were refused")
    if skipped:
        raise RefusedError(f"{skipped} of {len(tasks)} cannot be written: they lack secrets")
