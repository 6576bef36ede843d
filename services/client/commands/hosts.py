"""`leeward host`: the machines, and keeping jobs off them by hand."""

import click

from services.client.command import Group, Target, pass_target
from services.client.connection import path
from services.client.output import field, say, show_document, show_rows

_COLUMNS = (
    field("HOST", "host", whole=True),
    field("CONDITION", "condition"),
    field("WATCHER", "watcher"),
    field("POOLS", "pools"),
    field("RUNNING", "running"),
    field("HELD", "held"),
    field("EVENTS", "events"),
    field("REASON", "reason"),
)


@click.group(cls=Group)
def host() -> None:
    """Hosts: the machines that jobs run on."""


@host.command("list")
@pass_target
def list_(target: Target) -> None:
    """List all hosts."""
    show_rows(target.list_all(path("hosts")), _COLUMNS, target.shape)


@host.command()
@click.argument("name", metavar="HOST")
@pass_target
def show(target: Target, name: str) -> None:
    """Show one host."""
    show_document(target.call("GET", path("hosts", name)), target.shape)


@host.command()
@click.argument("name", metavar="HOST")
@click.option("--reason", required=True, help="Why, for whoever finds it cordoned.")
@click.option("--until", metavar="TIME", help="When it ends by itself, such as 2026-01-31T09:30:00Z.")
@pass_target
def cordon(target: Target, name: str, reason: str, until: str | None) -> None:
    """Keep jobs off a host, as an event does.

    \b
    leeward host cordon db-0 --reason 'new disks' --until 2026-01-31T12:00:00Z
    """
    body = {"reason": reason} if until is None else {"reason": reason, "until": until}
    document = target.call("POST", path("hosts", name, "cordon"), body)
    say(f"host {document['host']} is {document['condition']}", document, target.shape)


@host.command()
@click.argument("name", metavar="HOST")
@pass_target
def release(target: Target, name: str) -> None:
    """Lift a cordon made by hand; an event's cordon stays."""
    document = target.call("POST", path("hosts", name, "release"), {})
    say(f"host {document['host']} is {document['condition']}", document, target.shape)
