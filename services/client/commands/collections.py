"""`leeward collection`: the units of quota, naming and on/off."""

import sys
from typing import Any

import click

from services.client.action_options import given
from services.client.api.paths import path
from services.client.command import Group, Target, pass_target
from services.client.completing import collection_names
from services.client.documents import overlay, read_object
from services.client.live import present, present_one, watch_option
from services.client.maintenance_options import MAINTENANCE_OPTIONS, MaintenanceFlags, maintenance_document
from services.client.options import pairs, with_options
from services.client.output import field, say

_COLUMNS = (
    field("NAME", "name", whole=True),
    field("STATE", "state"),
    field("PLAN", "sku", "name"),
    field("LOCATION", "location"),
    field("TAGS", "tags"),
    field("UPDATED", "updatedAt", whole=True),
    field("CREATED", "createdAt", whole=True, wide=True),
    field("MOST JOBS", "quota", "maxJobCount", wide=True),
)
_NAME = click.argument("name", shell_complete=collection_names)
_DEFINITION = (
    click.option("--file", "source", metavar="FILE", help="A JSON or YAML document; - is standard input."),
    click.option("--sku", help="Plan: Free, Standard, P10Premium, P20Premium, Unlimited."),
    click.option("--max-jobs", type=int, help="At most so many jobs."),
    click.option("--location", help="A label; no effect."),
    *MAINTENANCE_OPTIONS,
    click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag; may be repeated."),
)


@click.group(cls=Group)
def collection() -> None:
    """Job collections: quota, naming, and one switch for all their jobs."""


@collection.command("list", see=("leeward job list",))
@watch_option
@pass_target
def list_(target: Target, *, watch: bool) -> None:
    """List all collections.

    \b
    leeward collection list
    leeward collection list --output name
    """
    present(target, lambda client: client.list_all(path("collections")), _COLUMNS, watch=watch)


@collection.command(see=("leeward job list",))
@_NAME
@watch_option
@pass_target
def show(target: Target, name: str, *, watch: bool) -> None:
    """Show one collection.

    \b
    leeward collection show demo --output json
    """
    present_one(target, lambda client: client.call("GET", path("collections", name)), watch=watch)


@collection.command(see=("leeward job create", "leeward apply"))
@_NAME
@with_options(_DEFINITION)
@pass_target
def create(target: Target, /, name: str, **flags: Any) -> None:
    """Create a collection, or replace its settings.

    \b
    leeward collection create demo
    leeward collection create demo --sku Standard --tag team=db
    leeward collection create nightly --lead-time auto --at-deadline Move
    """
    document = target.call("PUT", path("collections", name), _document(**flags))
    say(f"collection {document['name']} is there", document, target.shape)


@collection.command(see=("leeward collection create",))
@_NAME
@with_options(_DEFINITION)
@pass_target
def update(target: Target, /, name: str, **flags: Any) -> None:
    """Change what is given, leave the rest.

    \b
    leeward collection update demo --max-jobs 500 --on-release RunAll
    """
    document = target.call("PATCH", path("collections", name), _document(**flags))
    say(f"collection {document['name']} changed", document, target.shape)


@collection.command(see=("leeward collection disable", "leeward job enable"))
@_NAME
@pass_target
def enable(target: Target, name: str) -> None:
    """Let its jobs run.

    \b
    leeward collection enable demo
    """
    document = target.call("POST", path("collections", name, "enable"))
    say(f"collection {document['name']} is enabled", document, target.shape)


@collection.command(see=("leeward collection enable", "leeward host cordon"))
@_NAME
@pass_target
def disable(target: Target, name: str) -> None:
    """Keep its jobs from running; each keeps its own state.

    \b
    leeward collection disable demo
    """
    document = target.call("POST", path("collections", name, "disable"))
    say(f"collection {document['name']} is disabled", document, target.shape)


@collection.command(see=("leeward export", "leeward job delete"))
@_NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def delete(target: Target, name: str, *, yes: bool) -> None:
    """Delete a collection with all its jobs and their history.

    \b
    leeward collection delete demo --yes
    """
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {name} with all its jobs and their history?", abort=True)
    target.call("DELETE", path("collections", name))
    say(f"collection {name} deleted", {"deleted": name}, target.shape)


def _document(
    *,
    source: str | None,
    sku: str | None,
    max_jobs: int | None,
    location: str | None,
    tags: tuple[str, ...],
    **policy: Any,
) -> dict[str, Any]:
    flags: dict[str, Any] = given(maintenance=maintenance_document(MaintenanceFlags(**policy)))
    if sku is not None:
        flags["sku"] = {"name": sku}
    if max_jobs is not None:
        flags["quota"] = {"maxJobCount": max_jobs}
    if location is not None:
        flags["location"] = location
    if tags:
        flags["tags"] = pairs(tags, "=", "--tag")
    return overlay(read_object(source) if source else {}, flags)
