"""`leeward event`: what providers announce about hosts."""

from collections.abc import Iterator

import click

from services.client.api.paths import path
from services.client.command import Group, Target, pass_target
from services.client.completing import event_ids
from services.client.live import present, present_one, watch_option
from services.client.output import Column, Row, field, show_rows
from services.client.rhythm import instant_of

_COLUMNS = (
    field("EVENT", "eventId", whole=True),
    field("TYPE", "type"),
    field("STATUS", "status"),
    field("HOSTS", "resources"),
    field("NOT BEFORE", "notBefore", whole=True),
    field("OUTCOME", "outcome"),
    field("APPROVAL", "approval", "state"),
    field("BY", "approval", "by"),
    field("SOURCE", "source", wide=True),
    field("FIRST SEEN", "firstSeenAt", whole=True, wide=True),
    field("ENDED", "endedAt", whole=True, wide=True),
    field("DESCRIPTION", "description", wide=True),
)


def _outcomes(row: Row) -> str:
    """Return how many came to what, but for what none came to."""
    return ", ".join(f"{count} {outcome}" for outcome, count in row["outcomes"].items() if count)


def _span(title: str, name: str) -> Column:
    """Return a column with the median and the 90th percentile of a measure."""

    def value(row: Row) -> str:
        span = row.get(name)
        return "" if span is None else f"{_short(span['medianSeconds'])} / {_short(span['p90Seconds'])}"

    return Column(title, value, whole=True)


def _short(seconds: float) -> str:
    """Return seconds in two figures or so: 0.4s, 12s, 14m30s, 6h05m."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


_STATISTICS = (
    field("TYPE", "type", whole=True),
    field("COUNT", "count"),
    Column("OUTCOME", _outcomes),
    _span("NOTICE p50/p90", "notice"),
    _span("DRAIN p50/p90", "drain"),
    _span("APPROVAL TO START p50/p90", "approvalToStart"),
    _span("DURATION p50/p90", "duration"),
)


@click.group(cls=Group)
def event() -> None:
    """Events: what the provider announces about hosts."""


@event.command("list", see=("leeward event show", "leeward host list"))
@click.option("--active", is_flag=True, help="Only those that are not over.")
@click.option("--limit", type=click.IntRange(1), default=50, help="At most so many [default: 50].")
@watch_option
@pass_target
def list_(target: Target, limit: int, *, active: bool, watch: bool) -> None:
    """List events, past ones too, the last seen first.

    \b
    leeward event list --active --watch
    leeward event list --limit 10 --output json
    """
    query = {"$filter": "outcome eq active"} if active else None
    present(target, lambda client: client.list_all(path("events"), query, limit), _COLUMNS, watch=watch)


@event.command(see=("leeward job decisions", "leeward host show"))
@click.argument("event_id", metavar="EVENT", shell_complete=event_ids)
@watch_option
@pass_target
def show(target: Target, event_id: str, *, watch: bool) -> None:
    """Show one event: its hosts, their drains, who approved it and why.

    \b
    leeward event show C7061BAC-AFDC-4513-B24B-AA5F13A16123
    """
    present_one(target, lambda client: client.call("GET", path("events", event_id)), watch=watch)


@event.command()
@click.option("--since", metavar="TIME", help="First seen from then on: a time, or how long ago, such as 12h or 30d.")
@click.option("--type", "kind", metavar="TYPE", help="Only this type, such as Freeze.")
@pass_target
def stats(target: Target, since: str | None, kind: str | None) -> None:
    """Show what came of events, type by type.

    How many came and what became of them; then, as median and 90th percentile, the notice that was given (first sight
    to NotBefore), how long hosts took to be drained, how soon an approved event started, and how long events lasted.

    \b
    leeward event stats --since 30d
    leeward event stats --type Preempt --output json
    """
    clauses = list(_clauses(since, kind))
    query = {"$filter": " and ".join(clauses)} if clauses else None
    show_rows(target.call("GET", path("events", "stats"), query=query)["value"], _STATISTICS, target.shape)


def _clauses(since: str | None, kind: str | None) -> Iterator[str]:
    if kind is not None:
        yield f"type eq '{kind.replace(chr(39), chr(39) * 2)}'"
    if since is not None:
        yield f"firstSeenAt ge '{instant_of(since)}'"
