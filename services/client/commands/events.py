"""`leeward event`: what providers announce about hosts."""

import click

from services.client.command import Group, Target, pass_target
from services.client.connection import path
from services.client.output import field, show_document, show_rows

_COLUMNS = (
    field("EVENT", "eventId", whole=True),
    field("TYPE", "type"),
    field("STATUS", "status"),
    field("HOSTS", "resources"),
    field("NOT BEFORE", "notBefore", whole=True),
    field("OUTCOME", "outcome"),
    field("APPROVAL", "approval", "state"),
    field("BY", "approval", "by"),
)


@click.group(cls=Group)
def event() -> None:
    """Events: what the provider announces about hosts."""


@event.command("list")
@click.option("--active", is_flag=True, help="Only those that are not over.")
@click.option("--limit", type=click.IntRange(1), default=50, help="At most so many [default: 50].")
@pass_target
def list_(target: Target, limit: int, *, active: bool) -> None:
    """List events, past ones too, the last seen first."""
    query = {"$filter": "outcome eq active"} if active else None
    show_rows(target.list_all(path("events"), query, limit), _COLUMNS, target.shape)


@event.command()
@click.argument("event_id", metavar="EVENT")
@pass_target
def show(target: Target, event_id: str) -> None:
    """Show one event: its hosts, their drains, who approved it and why."""
    show_document(target.call("GET", path("events", event_id)), target.shape)
