"""Rehearsals on a real fleet, through the scheduler's API."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from services.client.api.paths import path
from services.client.command import Target
from services.client.output import field, say, show_rows

_LIMIT = 50
_COLUMNS = (
    field("EVENT", "eventId", whole=True),
    field("TYPE", "type"),
    field("STATUS", "status"),
    field("HOSTS", "resources"),
    field("NOT BEFORE", "notBefore", whole=True),
    field("OUTCOME", "outcome"),
    field("DESCRIPTION", "description", wide=True),
)


class FleetRehearsal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is to be rehearsed, as the API takes it."""

    type: str
    hosts: tuple[str, ...]
    notice_seconds: int
    duration_seconds: int
    description: str = ""


def announce(target: Target, rehearsal: FleetRehearsal, *, yes: bool) -> None:
    """Announce a rehearsal, after a word of what it would do and a question unless `yes`; tell what to watch."""
    body = msgspec.to_builtins(rehearsal)
    foresight = target.call("POST", path("rehearsals", "foresight"), body)
    if not yes:
        _ask(target, rehearsal, foresight)
    event = target.call("POST", path("rehearsals"), body)
    say("\n".join(_announced(event, target.url)), event, target.shape)


def call_off(target: Target, event_id: str) -> None:
    """Cancel a rehearsal that is on."""
    event = target.call("DELETE", path("rehearsals", event_id))
    where = ", ".join(event["resources"])
    say(f"cancelled: the rehearsed {event['type']} of {where}; nothing keeps jobs off it any more", event, target.shape)


def show_all(target: Target) -> None:
    """Show rehearsals, past ones too, the last announced first."""
    show_rows(target.list_all(path("rehearsals"), limit=_LIMIT), _COLUMNS, target.shape)


def _ask(target: Target, rehearsal: FleetRehearsal, foresight: dict[str, Any]) -> None:
    if not target.shape.is_for_people or not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes to rehearse on a real fleet")
    for line in told(target.url, rehearsal, foresight):
        click.echo(line)
    click.confirm("Announce it?", abort=True)


def told(url: str, rehearsal: FleetRehearsal, foresight: dict[str, Any]) -> Iterator[str]:
    """Yield what a rehearsal would do, as the scheduler foresees it."""
    seen, where = foresight, ", ".join(foresight["hosts"])
    yield f"A rehearsed {rehearsal.type} of {where}, on the fleet of {url}:"
    more = " or more" if seen["uncounted"] else ""
    yield (
        f"  {_count(seen['jobs'], 'job')}{more} at home there: {seen['rerouted']} would move to another host, "
        f"{seen['held']} would wait, {seen['ignoring']} would go on"
    )
    for pool in seen["pools"]:
        left = f"{pool['left']} of {pool['hosts']} hosts left" if pool["left"] else "NO HOST LEFT, they would wait"
        more = " or more" if pool["uncounted"] else ""
        yield f"  pool {pool['pool']}, which {_count(pool['jobs'], 'job')}{more} may use: {left}"
    start, end = rehearsal.notice_seconds, rehearsal.duration_seconds
    yield f"  it starts {start} s after it is announced, and is over {end} s later"
    yield "  nothing happens to the machines, and nothing is asked of Azure"


def _announced(event: dict[str, Any], url: str) -> Iterator[str]:
    where, event_id = ", ".join(event["resources"]), event["eventId"]
    yield f"Announced on the fleet: a rehearsed {event['type']} of {where}, not before {event['notBefore']}."
    yield f"Watch it: leeward event show {event_id}, leeward watch, or {url}/portal/events/{event_id}"
    yield f"Call it off: leeward rehearse --cancel {event_id}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
