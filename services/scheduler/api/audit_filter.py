"""Which entries of the audit log a request is about."""

from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.filters import (
    BEFORE,
    EQUAL,
    FROM,
    PARAMETER,
    Clause,
    choose,
    read_clauses,
    refusal,
)
from services.scheduler.api.schemas.timing import instant
from services.scheduler.api.schemas.values import Time
from services.scheduler.domain.acts import Act
from services.scheduler.errors import InvalidInputError
from services.scheduler.store.audit import AuditFilter

_NAMES = {
    "subscription": "subscription",
    "resourcegroup": "resource_group",
    "collection": "collection",
    "job": "job",
    "host": "host",
    "caller": "caller",
}
_BOUNDS = {FROM: "since", BEFORE: "until"}
_USAGE = (
    "join by and: subscription, resourceGroup, collection, job, host, caller or action eq <value>, "
    "at ge <time>, at lt <time>"
)
_ACTIONS = f"write action eq <value>, with one of {', '.join(Act)}"


def read_audit_filter(request: web.Request) -> AuditFilter:
    """Return the filter, which may be empty. Raises InvalidInputError."""
    wanted = AuditFilter()
    for clause in read_clauses(request, _USAGE, (EQUAL, FROM, BEFORE)):
        field, value = _meaning(request, clause)
        if getattr(wanted, field) is not None:
            raise InvalidInputError(PARAMETER, f"{clause.field} {clause.relation} stands there twice")
        wanted = replace(wanted, **{field: value})
    return wanted


def _meaning(request: web.Request, clause: Clause) -> tuple[str, object]:
    """Return what a condition sets of the filter, and to what."""
    match clause.field.lower(), clause.relation:
        case "at", relation if relation in _BOUNDS:
            return _BOUNDS[relation], _instant(clause.value)
        case "action", "eq":
            return "act", choose(clause, Act, _ACTIONS)
        case name, "eq" if name in _NAMES:
            return _NAMES[name], clause.value
        case _:
            raise refusal(request, _USAGE)


def _instant(text: str) -> object:
    try:
        return instant(Time.parse(text), None, PARAMETER)
    except ValueError as fault:
        raise InvalidInputError(PARAMETER, str(fault)) from fault
