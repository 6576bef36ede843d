"""Creating and changing one job from flags and a file, or only showing what that would be."""

from pathlib import Path
from typing import Any

import click

from services.client.api.paths import path
from services.client.applying.secrets import take_secrets
from services.client.command import Target
from services.client.commands.job_files import create_many
from services.client.documents import overlay, read_object
from services.client.job_options import JobFlags, flags_new, flags_patch
from services.client.moving.differences import changes
from services.client.moving.fields import READ_ONLY, part
from services.client.options import job_of
from services.client.output import Row, say, show_document

_COUNT = 5


def create_job(target: Target, name: str, flags: JobFlags) -> None:
    """Create or replace a job, or many of a file; with --dry-run say what that would be."""
    if "/" not in name:
        if flags.dry_run:
            raise click.UsageError("--dry-run shows one job, COLLECTION/JOB; for many: leeward apply --dry-run")
        create_many(target, name, flags)
        return
    document = overlay(read_object(flags.source) if flags.source else {}, flags_new(flags))
    if flags.dry_run:
        _show(target, name, document)
        return
    created = target.call("PUT", _address(name), document)
    say(f"job {name} is {told(created)}", created, target.shape)


def update_job(target: Target, name: str, flags: JobFlags) -> None:
    """Change what is given of a job; with --dry-run say what that would be."""
    patch = overlay(read_object(flags.source) if flags.source else {}, flags_patch(flags))
    if not patch:
        raise click.UsageError("nothing to change: give a flag or --file")
    if flags.dry_run:
        _show_change(target, name, patch)
        return
    changed = target.call("PATCH", _address(name), patch)
    say(f"job {name} changed, is {told(changed)}", changed, target.shape)


def told(document: dict[str, Any]) -> str:
    """Return a job's state and when it is due, in words."""
    due = (document.get("status") or {}).get("nextExecutionTime")
    return f"{document['state']}, next due {due}" if due else str(document["state"])


def _show_change(target: Target, name: str, patch: dict[str, Any]) -> None:
    there = {field: value for field, value in target.call("GET", _address(name)).items() if field not in READ_ONLY}
    after = _without_nulls(overlay(there, _hidden(patch)))
    if target.shape.is_for_people:
        for change in changes(there, after):
            click.echo(str(change), err=True)
    _show(target, name, after)


def _show(target: Target, name: str, document: dict[str, Any]) -> None:
    """Print the document without its secrets, and when the job would be due; the scheduler judges the document so."""
    answer = target.call("POST", f"{_address(name)}/occurrences", _hidden(document), {"count": _COUNT})
    rows: list[Row] = answer["value"]
    if not target.shape.is_for_people:
        show_document({"dryRun": True, "document": _hidden(document), "occurrences": rows}, target.shape)
        return
    show_document(_hidden(document), target.shape)
    told_as = "local" if part(document, "recurrence").get("timeZone") else "at"
    dues = ", ".join(str(row[told_as]) for row in rows)
    click.echo(f"next due: {dues or 'never'}", err=True)
    click.echo("a dry run: nothing was changed", err=True)


def _hidden(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with its secrets hidden."""
    return take_secrets(document, Path())[0]


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    filled = {name: value for name, value in document.items() if value is not None}
    return {name: _without_nulls(value) if isinstance(value, dict) else value for name, value in filled.items()}


def _address(name: str) -> str:
    collection, job = job_of(name)
    return path("collections", collection, "jobs", job)
