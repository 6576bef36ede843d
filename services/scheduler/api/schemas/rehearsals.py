"""Rehearsals as documents: what is to be rehearsed, and what that would do."""

from collections.abc import Sequence
from datetime import timedelta
from difflib import get_close_matches

from services.scheduler.api.schemas.values import Document
from services.scheduler.domain.hosts import FleetView
from services.scheduler.domain.rehearsals import (
    LONGEST,
    LONGEST_NOTICE,
    MAX_DESCRIPTION,
    MOST_HOSTS,
    TYPES,
    RehearsalPlan,
)
from services.scheduler.errors import InvalidInputError
from shared.topics import host_key

USUAL_NOTICE = 60
USUAL_DURATION = 30


class RehearsalDocument(Document, frozen=True, kw_only=True):
    """The event to rehearse: a type of Azure's, hosts that are known, seconds to NotBefore, and how many it lasts."""

    type: str
    hosts: list[str]
    notice_seconds: int = USUAL_NOTICE
    duration_seconds: int = USUAL_DURATION
    description: str = ""


class PoolForesightDocument(Document, frozen=True, kw_only=True):
    """A pool of the named hosts: how many of its `hosts` would be `left` for its enabled `jobs`, or more of them."""

    pool: str
    hosts: int
    left: int
    jobs: int
    uncounted: bool


class ForesightDocument(Document, frozen=True, kw_only=True):
    """What a rehearsal would do: to the enabled jobs whose own host is named, and to the pools of the hosts.

    `rerouted`, `held` and `ignoring` are how many of those `jobs` would move to their pool, wait, or go on; with
    `uncounted` there are more jobs than were looked at.
    """

    hosts: list[str]
    jobs: int
    rerouted: int
    held: int
    ignoring: int
    uncounted: bool
    pools: list[PoolForesightDocument]


def read_plan(document: RehearsalDocument, fleet: FleetView) -> RehearsalPlan:
    """Return what a document asks for. Raises InvalidInputError, which says what to write instead."""
    kind = next((name for name in TYPES if name.lower() == document.type.lower()), None)
    if kind is None:
        raise InvalidInputError("type", f"{document.type!r} is none of {', '.join(TYPES)}")
    if len(document.description) > MAX_DESCRIPTION:
        raise InvalidInputError("description", f"must have at most {MAX_DESCRIPTION} characters")
    return RehearsalPlan(
        type=kind,
        hosts=_hosts(document.hosts, fleet),
        notice=_seconds("noticeSeconds", document.notice_seconds, least=0, most=LONGEST_NOTICE),
        duration=_seconds("durationSeconds", document.duration_seconds, least=1, most=LONGEST),
        description=document.description,
    )


def _hosts(names: Sequence[str], fleet: FleetView) -> tuple[str, ...]:
    """Return the hosts' true names, each once."""
    if not 1 <= len(names) <= MOST_HOSTS:
        raise InvalidInputError("hosts", f"must name 1 to {MOST_HOSTS} hosts")
    found = {}
    for place, name in enumerate(names):
        view = fleet.get(host_key(name)) if name else None
        if view is None:
            raise InvalidInputError(f"hosts[{place}]", _unknown(name, fleet))
        found[view.key] = view.name
    return tuple(found.values())


def _unknown(name: str, fleet: FleetView) -> str:
    near = get_close_matches(name.lower(), [str(key) for key in fleet], n=1)
    hint = f"; did you mean {fleet[host_key(near[0])].name}?" if near else "; GET /api/v1/hosts lists those that are"
    return f"host {name!r} is not known: no watcher has reported it{hint}"


def _seconds(field: str, seconds: int, *, least: int, most: timedelta) -> timedelta:
    limit = int(most.total_seconds())
    if not least <= seconds <= limit:
        raise InvalidInputError(field, f"must be a whole number from {least} to {limit}")
    return timedelta(seconds=seconds)
