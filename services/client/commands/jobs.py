"""`leeward job`: what runs when, and what became of it."""

from typing import TYPE_CHECKING, Any

import click

from services.client.api.paths import path
from services.client.command import Group, Target, pass_target
from services.client.commands.job_deletion import delete_many
from services.client.commands.job_writing import create_job, told, update_job
from services.client.completing import collection_names, job_names
from services.client.documents import read_document
from services.client.job_options import JOB_OPTIONS, job_flags
from services.client.live import present, present_one, watch_option
from services.client.options import job_of, with_options
from services.client.output import Column, Row, field, say, show_rows

if TYPE_CHECKING:
    from services.client.api.client import Client

_COLUMNS = (
    Column("JOB", lambda row: f"{row['collection']}/{row['name']}", whole=True),
    field("STATE", "state"),
    field("NEXT", "status", "nextExecutionTime", whole=True),
    field("LAST", "status", "lastExecutionTime", whole=True),
    field("RUNS", "status", "executionCount"),
    field("FAILED", "status", "failureCount"),
    field("POOL", "placement", "pool"),
    field("HOST", "placement", "host"),
    Column("DOES", lambda row: _does(row["action"]), wide=True),
    field("EVERY", "recurrence", "interval", wide=True),
    field("UNIT", "recurrence", "frequency", wide=True),
    field("CRON", "recurrence", "cron", wide=True),
    field("TAGS", "tags", wide=True),
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
    field("STARTED", "startTime", whole=True, wide=True),
    field("ENDED", "endTime", whole=True, wide=True),
)
_DECISIONS = (
    field("WHEN", "at", whole=True),
    field("DECISION", "decision"),
    field("HOST", "host", whole=True),
    field("ATTEMPT", "attempt"),
    field("WHY", "explanation", most=240),
    field("CAUSE", "cause", wide=True),
    field("OCCURRENCE", "occurrenceId", whole=True, wide=True),
)
_JOB = click.argument("name", metavar="JOB", shell_complete=job_names)
_OCCURRENCES = (field("AT", "at", whole=True), field("LOCAL", "local", whole=True))


@click.group(cls=Group)
def job() -> None:
    """Jobs, named COLLECTION/JOB."""


@job.command("list", see=("leeward job show", "leeward job history"))
@click.argument("collection", required=False, shell_complete=collection_names)
@click.option("--state", help="Only Enabled, Disabled, Completed or Faulted ones.")
@click.option("--limit", type=click.IntRange(1), default=1000, help="At most so many per collection [default: 1000].")
@watch_option
@pass_target
def list_(target: Target, collection: str | None, state: str | None, limit: int, *, watch: bool) -> None:
    """List the jobs of a collection, or of all.

    \b
    leeward job list
    leeward job list demo --state Faulted
    leeward job list demo --watch
    leeward job list demo --output name | xargs leeward job delete
    """
    query = {"$filter": f"state eq {state}"} if state else None

    async def fetch(client: "Client") -> list[Row]:
        names = [collection] if collection else [one["name"] for one in await client.list_all(path("collections"))]
        lists = [await client.list_all(path("collections", name, "jobs"), query, limit) for name in names]
        return [row for rows in lists for row in rows]

    present(target, fetch, _COLUMNS, watch=watch)


@job.command(see=("leeward job history", "leeward job decisions"))
@_JOB
@watch_option
@pass_target
def show(target: Target, name: str, *, watch: bool) -> None:
    """Show one job, with what an event would do to it (`resolved`).

    \b
    leeward job show demo/hello
    leeward job show demo/hello --output json
    """
    address = _path(name)
    present_one(target, lambda client: client.call("GET", address), watch=watch)


@job.command(see=("leeward job update", "leeward job occurrences", "leeward apply"))
@click.argument("name", metavar="JOB|COLLECTION", shell_complete=job_names)
@with_options(JOB_OPTIONS)
@pass_target
def create(target: Target, /, name: str, **given: Any) -> None:
    """Create a job, or replace it.

    With --file a COLLECTION is enough where the file names its jobs, one or a list of them. --dry-run shows the
    document and when it would be due.

    \b
    leeward job create demo/hello --uri http://web-0:8080/hello --every 5m
    leeward job create demo/close --uri http://web-0/close --weekdays Mon-Fri --hours 18 --dry-run
    leeward job create demo/bill --uri http://web-0/bill --monthly 'first Monday' --error-uri http://web-0/alarm
    leeward job create demo/copy --uri 'http://{host}/copy' --pool db --every 1h --by-type Freeze=Ignore
    leeward job create demo/report --uri 'http://{host}/report' --pool db --cron '0 5 * * 1' --time-zone Europe/Berlin
    leeward job create demo/once --uri http://web-0/once --at 2026-12-24T18:00:00Z --method POST --body @letter.json
    leeward job create demo --file jobs.yaml
    """
    create_job(target, name, job_flags(given))


@job.command(see=("leeward job create",))
@_JOB
@with_options(JOB_OPTIONS)
@pass_target
def update(target: Target, /, name: str, **given: Any) -> None:
    """Change what is given, leave the rest; null in a --file removes.

    \b
    leeward job update demo/hello --every 10m --tag team=db
    echo '{"recurrence": null}' | leeward job update demo/hello --file -
    """
    update_job(target, name, job_flags(given))


@job.command(see=("leeward job history",))
@_JOB
@pass_target
def run(target: Target, name: str) -> None:
    """Run a job now, whatever its state and schedule.

    \b
    leeward job run demo/hello
    """
    collection, job_name = job_of(name)
    occurrence = target.ask(lambda client: client.jobs.run(collection, job_name))
    say(f"job {name} runs now, as occurrence {occurrence}", {"occurrenceId": occurrence}, target.shape)


@job.command(see=("leeward job disable", "leeward collection enable"))
@_JOB
@pass_target
def enable(target: Target, name: str) -> None:
    """Let a job run; one that has ended starts anew.

    \b
    leeward job enable demo/hello
    """
    document = target.call("POST", _path(name, "enable"))
    say(f"job {name} is {told(document)}", document, target.shape)


@job.command(see=("leeward job enable", "leeward collection disable"))
@_JOB
@pass_target
def disable(target: Target, name: str) -> None:
    """Keep a job from running.

    \b
    leeward job disable demo/hello
    """
    document = target.call("POST", _path(name, "disable"))
    say(f"job {name} is {told(document)}", document, target.shape)


@job.command(
    see=("leeward job list --output name", "leeward export"), exits="4 when one did not exist; the others are gone"
)
@click.argument("names", metavar="JOB...", nargs=-1, required=True, shell_complete=job_names)
@pass_target
def delete(target: Target, names: tuple[str, ...]) -> None:
    """Delete jobs with their history.

    \b
    leeward job delete demo/hello
    leeward job list demo --output name | xargs leeward job delete
    """
    delete_many(target, names)


@job.command(see=("leeward job decisions",))
@_JOB
@click.option("--status", help="Only Completed, Failed, Postponed, Skipped or Missed ones.")
@click.option("--limit", type=click.IntRange(1), default=20, help="At most so many [default: 20].")
@watch_option
@pass_target
def history(target: Target, name: str, status: str | None, limit: int, *, watch: bool) -> None:
    """Show what became of a job's occurrences, newest first.

    \b
    leeward job history demo/hello --limit 5
    leeward job history demo/hello --status Failed --output wide
    """
    address, query = _path(name, "history"), {"$filter": f"status eq {status}"} if status else None
    present(target, lambda client: client.list_all(address, query, limit), _HISTORY, watch=watch)


@job.command(see=("leeward job history", "leeward event show"))
@_JOB
@click.option("--decision", help="Only ran, rerouted, held, cancelled, skipped or missed ones.")
@click.option("--limit", type=click.IntRange(1), default=20, help="At most so many [default: 20].")
@watch_option
@pass_target
def decisions(target: Target, name: str, decision: str | None, limit: int, *, watch: bool) -> None:
    """Show why a job's occurrences ran where and when they did, or did not, newest first.

    \b
    leeward job decisions demo/hello
    leeward job decisions demo/hello --decision held --watch
    """
    address, query = _path(name, "decisions"), {"$filter": f"decision eq {decision}"} if decision else None
    present(target, lambda client: client.list_all(address, query, limit), _DECISIONS, watch=watch)


@job.command(see=("leeward job create",))
@_JOB
@click.option("--count", type=int, default=10, help="How many [default: 10].")
@click.option("--file", "source", metavar="FILE", help="Of this job document instead; nothing is stored.")
@pass_target
def occurrences(target: Target, name: str, count: int, source: str | None) -> None:
    """Show when a job will be due.

    \b
    leeward job occurrences demo/hello --count 3
    leeward job occurrences demo/new --file job.json
    """
    address, query = _path(name, "occurrences"), {"count": count}
    if source:
        answer = target.call("POST", address, read_document(source), query)
    else:
        answer = target.call("GET", address, query=query)
    show_rows(answer["value"], _OCCURRENCES, target.shape)


def _path(name: str, *more: str) -> str:
    collection, job_name = job_of(name)
    return path("collections", collection, "jobs", job_name, *more)


def _does(action: dict[str, Any]) -> str:
    """Return what a job calls, or what kind of message it sends."""
    return str(action.get("request", {}).get("uri") or action.get("type"))
