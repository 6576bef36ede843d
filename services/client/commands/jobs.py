"""`leeward job`: what runs when, and what became of it."""

from typing import Any

import click

from services.client.command import Group, Target, pass_target
from services.client.commands.job_files import create_many
from services.client.connection import path
from services.client.documents import overlay, read_document, read_object
from services.client.job_options import JOB_OPTIONS, JobFlags, flags_document, flags_patch
from services.client.options import job_of, with_options
from services.client.output import Column, field, say, show_document, show_rows

_COLUMNS = (
    Column("JOB", lambda row: f"{row['collection']}/{row['name']}", whole=True),
    field("STATE", "state"),
    field("NEXT", "status", "nextExecutionTime", whole=True),
    field("LAST", "status", "lastExecutionTime", whole=True),
    field("RUNS", "status", "executionCount"),
    field("FAILED", "status", "failureCount"),
    field("POOL", "placement", "pool"),
    field("HOST", "placement", "host"),
)
_HISTORY = (
    field("SCHEDULED", "scheduledTime", whole=True),
    field("STATUS", "status"),
    field("ACTION", "actionName"),
    field("ATTEMPT", "attempt"),
    field("HOST", "host"),
    field("REASON", "reason"),
    field("OCCURRENCE", "occurrenceId", whole=True),
    field("MESSAGE", "message"),
)
_DECISIONS = (
    field("WHEN", "at", whole=True),
    field("DECISION", "decision"),
    field("HOST", "host", whole=True),
    field("ATTEMPT", "attempt"),
    field("WHY", "explanation", most=240),
)
_OCCURRENCES = (field("AT", "at", whole=True), field("LOCAL", "local", whole=True))


@click.group(cls=Group)
def job() -> None:
    """Jobs, named COLLECTION/JOB."""


@job.command("list")
@click.argument("collection", required=False)
@click.option("--state", help="Only Enabled, Disabled, Completed or Faulted ones.")
@click.option("--limit", type=click.IntRange(1), default=1000, help="At most so many per collection [default: 1000].")
@pass_target
def list_(target: Target, collection: str | None, state: str | None, limit: int) -> None:
    """List the jobs of a collection, or of all."""
    names = [collection] if collection else [one["name"] for one in target.list_all(path("collections"))]
    query = {"$filter": f"state eq {state}"} if state else None
    rows = [row for name in names for row in target.list_all(path("collections", name, "jobs"), query, limit)]
    show_rows(rows, _COLUMNS, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@pass_target
def show(target: Target, name: str) -> None:
    """Show one job."""
    show_document(target.call("GET", _path(name)), target.shape)


@job.command()
@click.argument("name", metavar="JOB|COLLECTION")
@with_options(JOB_OPTIONS)
@pass_target
def create(target: Target, /, name: str, **given: Any) -> None:
    """Create a job, or replace it.

    With --file a COLLECTION is enough where the file names its jobs, one or a list of them.

    \b
    leeward job create demo/hello --uri http://web-0:8080/hello --every 5m
    leeward job create demo/report --uri 'http://{host}/report' --pool db --cron '0 5 * * 1' --time-zone Europe/Berlin
    leeward job create demo/once --uri http://web-0/once --at 2026-12-24T18:00:00Z --method POST --body @letter.json
    leeward job create demo --file jobs.yaml
    """
    flags = JobFlags(**given)
    if "/" not in name:
        create_many(target, name, flags)
        return
    document = overlay(read_object(flags.source) if flags.source else {}, flags_document(flags))
    created = target.call("PUT", _path(name), document)
    say(f"job {name} is {_told(created)}", created, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@with_options(JOB_OPTIONS)
@pass_target
def update(target: Target, /, name: str, **given: Any) -> None:
    """Change what is given, leave the rest; null in a --file removes.

    \b
    leeward job update demo/hello --every 10m --tag team=db
    echo '{"recurrence": null}' | leeward job update demo/hello --file -
    """
    flags = JobFlags(**given)
    patch = overlay(read_object(flags.source) if flags.source else {}, flags_patch(flags))
    if not patch:
        raise click.UsageError("nothing to change: give a flag or --file")
    changed = target.call("PATCH", _path(name), patch)
    say(f"job {name} changed, is {_told(changed)}", changed, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@pass_target
def run(target: Target, name: str) -> None:
    """Run a job now, whatever its state and schedule."""
    answer = target.call("POST", _path(name, "run"))
    say(f"job {name} runs now, as occurrence {answer['occurrenceId']}", answer, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@pass_target
def enable(target: Target, name: str) -> None:
    """Let a job run; one that has ended starts anew."""
    document = target.call("POST", _path(name, "enable"))
    say(f"job {name} is {_told(document)}", document, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@pass_target
def disable(target: Target, name: str) -> None:
    """Keep a job from running."""
    document = target.call("POST", _path(name, "disable"))
    say(f"job {name} is {_told(document)}", document, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@pass_target
def delete(target: Target, name: str) -> None:
    """Delete a job with its history."""
    target.call("DELETE", _path(name))
    say(f"job {name} deleted", {"deleted": name}, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@click.option("--status", help="Only Completed, Failed, Postponed, Skipped or Missed ones.")
@click.option("--limit", type=click.IntRange(1), default=20, help="At most so many [default: 20].")
@pass_target
def history(target: Target, name: str, status: str | None, limit: int) -> None:
    """Show what became of a job's occurrences, newest first."""
    query = {"$filter": f"status eq {status}"} if status else None
    show_rows(target.list_all(_path(name, "history"), query, limit), _HISTORY, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@click.option("--decision", help="Only ran, rerouted, held, cancelled, skipped or missed ones.")
@click.option("--limit", type=click.IntRange(1), default=20, help="At most so many [default: 20].")
@pass_target
def decisions(target: Target, name: str, decision: str | None, limit: int) -> None:
    """Show why a job's occurrences ran where and when they did, or did not, newest first."""
    query = {"$filter": f"decision eq {decision}"} if decision else None
    show_rows(target.list_all(_path(name, "decisions"), query, limit), _DECISIONS, target.shape)


@job.command()
@click.argument("name", metavar="JOB")
@click.option("--count", type=int, default=10, help="How many [default: 10].")
@click.option("--file", "source", metavar="FILE", help="Of this job document instead; nothing is stored.")
@pass_target
def occurrences(target: Target, name: str, count: int, source: str | None) -> None:
    """Show when a job will be due."""
    address, query = _path(name, "occurrences"), {"count": count}
    if source:
        answer = target.call("POST", address, read_document(source), query)
    else:
        answer = target.call("GET", address, query=query)
    show_rows(answer["value"], _OCCURRENCES, target.shape)


def _path(name: str, *more: str) -> str:
    collection, job_name = job_of(name)
    return path("collections", collection, "jobs", job_name, *more)


def _told(document: dict[str, Any]) -> str:
    due = (document.get("status") or {}).get("nextExecutionTime")
    return f"{document['state']}, next due {due}" if due else str(document["state"])
