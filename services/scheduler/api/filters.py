"""`$filter`: conditions joined by `and`, values bare or in quotes, in any case (reference azure-scheduler §1.3)."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.schemas.timing import instant
from services.scheduler.api.schemas.values import Time
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import InvalidInputError

E = TypeVar("E", bound=StrEnum)
W = TypeVar("W", bound=msgspec.Struct)

PARAMETER = "$filter"
EQUAL, FROM, BEFORE = "eq", "ge", "lt"
BOUNDS = {FROM: "since", BEFORE: "until"}
"""What a condition on an instant sets of a filter."""
_CLAUSE = re.compile(
    r"\s*(?P<field>[^\s']+)\s+(?P<relation>eq|ge|lt)\s+"
    r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^\s']+))(?P<more>\s+and\s|\s*$)",
    re.IGNORECASE,
)
_TAG = re.compile(r"tags[./](?P<name>.+)", re.IGNORECASE)
_TAG_USAGE = "tags/<name> eq '<value>'"


class Clause(msgspec.Struct, frozen=True):
    """One condition; `relation` is EQUAL, or of instants FROM or BEFORE."""

    field: str
    value: str
    relation: str


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs are meant: those in `state` (None: any) that have all of `tags`."""

    state: JobState | None = None
    tags: dict[str, str] = {}


def read_filter(request: web.Request, field: str, choices: type[E]) -> E | None:
    """Return the value of `$filter=<field> eq <value>`; None without a filter.

    Raises InvalidInputError for any other filter.
    """
    clauses = read_clauses(request, _usage(field, choices))
    if not clauses:
        return None
    if len(clauses) > 1 or clauses[0].field.lower() != field:
        raise refusal(request, _usage(field, choices))
    return choose(clauses[0], choices, _usage(field, choices))


def read_job_filter(request: web.Request) -> JobFilter:
    """Return the filter of jobs, which may be empty. Raises InvalidInputError."""
    usage = f"{_usage('state', JobState)}, or {_TAG_USAGE}, or several joined by and"
    state, tags = None, {}
    for clause in read_clauses(request, usage):
        tag = _TAG.fullmatch(clause.field)
        if tag is not None:
            tags[tag["name"]] = clause.value
        elif clause.field.lower() == "state" and state is None:
            state = choose(clause, JobState, usage)
        else:
            raise refusal(request, usage)
    return JobFilter(state=state, tags=tags)


def need_job_filter(request: web.Request) -> JobFilter:
    """Return the filter of jobs, which must not be empty. Raises InvalidInputError."""
    found = read_job_filter(request)
    if found == JobFilter():
        raise InvalidInputError(PARAMETER, f"is required; {_usage('state', JobState)}, or {_TAG_USAGE}")
    return found


def read_clauses(request: web.Request, usage: str, relations: Collection[str] = (EQUAL,)) -> Sequence[Clause]:
    """Return the conditions of `$filter`, none without one. Raises InvalidInputError that says the `usage`."""
    text = request.query.get(PARAMETER, "").strip()
    clauses, place = [], 0
    while place < len(text):
        match = _CLAUSE.match(text, place)
        if match is None or (match["more"] and match.end() == len(text)) or match["relation"].lower() not in relations:
            raise refusal(request, usage)
        value = match["bare"] if match["quoted"] is None else match["quoted"].replace("''", "'")
        clauses.append(Clause(match["field"], value, match["relation"].lower()))
        place = match.end()
    return clauses


def read_span(
    request: web.Request, nothing: W, meaning: Callable[[web.Request, Clause], tuple[str, object]], usage: str
) -> W:
    """Return a filter with what each condition sets of it, which `meaning` tells; `nothing` is the empty one.

    Raises InvalidInputError, also when two conditions set the same.
    """
    wanted = nothing
    for clause in read_clauses(request, usage, (EQUAL, FROM, BEFORE)):
        field, value = meaning(request, clause)
        if getattr(wanted, field) is not None:
            raise InvalidInputError(PARAMETER, f"{clause.field} {clause.relation} stands there twice")
        wanted = replace(wanted, **{field: value})
    return wanted


def instant_of(clause: Clause) -> datetime | None:
    """Return the instant that a condition compares with. Raises InvalidInputError."""
    try:
        return instant(Time.parse(clause.value), None, PARAMETER)
    except ValueError as fault:
        raise InvalidInputError(PARAMETER, str(fault)) from fault


def choose(clause: Clause, choices: type[E], usage: str) -> E:
    """Return the member that a condition names. Raises InvalidInputError."""
    found = next((member for member in choices if member.value.lower() == clause.value.lower()), None)
    if found is None:
        raise InvalidInputError(PARAMETER, f"{clause.value!r} is no {clause.field}; {usage}")
    return found


def refusal(request: web.Request, usage: str) -> InvalidInputError:
    """Return what refuses the whole filter."""
    return InvalidInputError(PARAMETER, f"{request.query.get(PARAMETER, '')!r} is not supported; {usage}")


def _usage(field: str, choices: type[E]) -> str:
    return f"write {field} eq <value>, with one of {', '.join(member.value for member in choices)}"
