"""`leeward collection`: the units of quota, naming and on/off."""

import sys
from typing import Any

import click

from services.client.action_options import given
from services.client.command import Group, Target, pass_target
from services.client.connection import path
from services.client.documents import overlay, read_object
from services.client.maintenance_options import MAINTENANCE_OPTIONS, maintenance_document
from services.client.options import pairs, with_options
from services.client.output import field, say, show_document, show_rows

_COLUMNS = (
    field("NAME", "name", whole=True),
    field("STATE", "state"),
    field("PLAN", "sku", "name"),
    field("LOCATION", "location"),
    field("TAGS", "tags"),
    field("UPDATED", "updatedAt", whole=True),
)
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


@collection.command("list")
@pass_target
def list_(target: Target) -> None:
    """List all collections."""
    show_rows(target.list_all(path("collections")), _COLUMNS, target.shape)


@collection.command()
@click.argument("name")
@pass_target
def show(target: Target, name: str) -> None:
    """Show one collection."""
    show_document(target.call("GET", path("collections", name)), target.shape)


@collection.command()
@click.argument("name")
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


@collection.command()
@click.argument("name")
@with_options(_DEFINITION)
@pass_target
def update(target: Target, /, name: str, **flags: Any) -> None:
    """Change what is given, leave the rest."""
    document = target.call("PATCH", path("collections", name), _document(**flags))
    say(f"collection {document['name']} changed", document, target.shape)


@collection.command()
@click.argument("name")
@pass_target
def enable(target: Target, name: str) -> None:
    """Let its jobs run."""
    document = target.call("POST", path("collections", name, "enable"))
    say(f"collection {document['name']} is enabled", document, target.shape)


@collection.command()
@click.argument("name")
@pass_target
def disable(target: Target, name: str) -> None:
    """Keep its jobs from running; each keeps its own state."""
    document = target.call("POST", path("collections", name, "disable"))
    say(f"collection {document['name']} is disabled", document, target.shape)


@collection.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def delete(target: Target, name: str, *, yes: bool) -> None:
    """Delete a collection with all its jobs and their history."""
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
    **policy: str | None,
) -> dict[str, Any]:
    flags: dict[str, Any] = given(maintenance=maintenance_document(**policy))
    if sku is not None:
        flags["sku"] = {"name": sku}
    if max_jobs is not None:
        flags["quota"] = {"maxJobCount": max_jobs}
    if location is not None:
        flags["location"] = location
    if tags:
        flags["tags"] = pairs(tags, "=", "--tag")
    return overlay(read_object(source) if source else {}, flags)
