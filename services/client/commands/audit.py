"""`leeward audit`: who changed what."""

from collections.abc import Iterator
from typing import Any

import click

from services.client.api.paths import path
from services.client.command import Command, Target, pass_target
from services.client.completing import collection_names, host_names, job_names
from services.client.live import present, watch_option
from services.client.options import job_of
from services.client.output import Column, Row, field
from services.client.rhythm import instant_of

_MOST = 4
"""Changed fields in a row; `--output json` has both sides whole."""


def _what(row: Row) -> str:
    """Return the name of what was changed."""
    if "host" in row:
        return str(row["host"])
    names = [row[name] for name in ("collection", "job") if name in row]
    return "/".join(names) or str(row.get("resourceGroup", ""))


def _changed(row: Row) -> str:
    """Return which fields differ, with their values where these are short; nothing for what came or went whole."""
    if "before" not in row or "after" not in row:
        return str(row.get("after", {}).get("occurrenceId") or row.get("after", {}).get("reason") or "")
    found = [_told(*difference) for difference in _differences(row["before"], row["after"])]
    found += [f"{name} changed" for name in row.get("secrets", ())]
    return ", ".join(found[:_MOST]) + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")


def _differences(before: Any, after: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield path, old and new value of each field that differs, None for one that is not there."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield place, before, after
        return
    for name in sorted(before.keys() | after.keys()):
        yield from _differences(before.get(name), after.get(name), f"{place}.{name}" if place else name)


def _told(place: str, before: Any, after: Any) -> str:
    if isinstance(before, dict | list) or isinstance(after, dict | list):
        return f"{place} {'added' if before is None else 'removed' if after is None else 'changed'}"
    return f"{place} {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    return "-" if value is None else str(value)


_COLUMNS = (
    field("AT", "at", whole=True),
    field("BY", "caller"),
    field("ACTION", "action", whole=True),
    Column("WHAT", _what, whole=True),
    Column("CHANGED", _changed),
    field("FROM", "address"),
    field("REQUEST", "requestId", whole=True, wide=True),
)


@click.command(cls=Command)
@click.option("--collection", shell_complete=collection_names, help="Only this collection and its jobs.")
@click.option("--job", metavar="JOB", shell_complete=job_names, help="Only this job, COLLECTION/JOB.")
@click.option("--host", shell_complete=host_names, help="Only this host.")
@click.option("--by", "caller", metavar="CALLER", help="Only what this caller did.")
@click.option("--action", help="Only this, such as job.deleted or host.cordoned.")
@click.option("--since", metavar="TIME", help="From then on: a time, or how long ago, such as 90m or 7d.")
@click.option("--until", metavar="TIME", help="Before then.")
@click.option("--limit", type=click.IntRange(1), default=50, help="At most so many [default: 50].")
@watch_option
@pass_target
def audit(target: Target, /, limit: int, *, watch: bool, **given: str | None) -> None:
    """Show who changed what, the latest change first.

    \b
    leeward audit --job demo/hello
    leeward audit --by ci --since 1d
    leeward audit --action job.deleted --output json
    """
    clauses = list(_clauses(**given))
    query = {"$filter": " and ".join(clauses)} if clauses else None
    present(target, lambda client: client.list_all(path("audit"), query, limit), _COLUMNS, watch=watch)


def _clauses(*, job: str | None, since: str | None, until: str | None, **equal: str | None) -> Iterator[str]:
    if job is not None:
        equal["collection"], equal["job"] = job_of(job)
    for name, value in equal.items():
        if value is not None:
            yield f"{name} eq '{value.replace(chr(39), chr(39) * 2)}'"
    for relation, instant in (("ge", since), ("lt", until)):
        if instant is not None:
            yield f"at {relation} '{instant_of(instant)}'"
