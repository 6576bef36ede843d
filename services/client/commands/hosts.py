"""`leeward host`: the machines, and keeping jobs off them by hand."""

import click

from services.client.api.paths import path
from services.client.command import Group, Target, pass_target
from services.client.completing import host_names
from services.client.live import present, present_one, watch_option
from services.client.output import field, say

_COLUMNS = (
    field("HOST", "host", whole=True),
    field("CONDITION", "condition"),
    field("WATCHER", "watcher"),
    field("POOLS", "pools"),
    field("RUNNING", "running"),
    field("HELD", "held"),
    field("EVENTS", "events"),
    field("REASON", "reason"),
    field("ADDRESSES", "addresses", wide=True),
    field("UNTIL", "until", whole=True, wide=True),
    field("LAST SEEN", "lastSeenAt", whole=True, wide=True),
    field("LOST", "lost", "type", wide=True),
)
_HOST = click.argument("name", metavar="HOST", shell_complete=host_names)


@click.group(cls=Group)
def host() -> None:
    """Hosts: the machines that jobs run on."""


@host.command("list", see=("leeward event list", "leeward watch"))
@watch_option
@pass_target
def list_(target: Target, *, watch: bool) -> None:
    """List all hosts: how they stand, and what runs and waits there.

    \b
    leeward host list
    leeward host list --watch
    leeward host list --output wide
    """
    present(target, lambda client: client.list_all(path("hosts")), _COLUMNS, watch=watch)


@host.command(see=("leeward event show",))
@_HOST
@watch_option
@pass_target
def show(target: Target, name: str, *, watch: bool) -> None:
    """Show one host.

    \b
    leeward host show db-0
    """
    present_one(target, lambda client: client.call("GET", path("hosts", name)), watch=watch)


@host.command(see=("leeward host release", "leeward rehearse"))
@_HOST
@click.option("--reason", required=True, help="Why, for whoever finds it cordoned.")
@click.option("--until", metavar="TIME", help="When it ends by itself, such as 2026-01-31T09:30:00Z.")
@pass_target
def cordon(target: Target, name: str, reason: str, until: str | None) -> None:
    """Keep jobs off a host, as an event does.

    \b
    leeward host cordon db-0 --reason 'new disks' --until 2027-01-31T12:00:00Z
    """
    body = {"reason": reason} if until is None else {"reason": reason, "until": until}
    document = target.call("POST", path("hosts", name, "cordon"), body)
    say(f"host {document['host']} is {document['condition']}", document, target.shape)


@host.command(see=("leeward host cordon",))
@_HOST
@pass_target
def release(target: Target, name: str) -> None:
    """Lift a cordon made by hand; an event's cordon stays.

    \b
    leeward host release db-0
    """
    document = target.call("POST", path("hosts", name, "release"), {})
    say(f"host {document['host']} is {document['condition']}", document, target.shape)
