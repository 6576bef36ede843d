"""Which entries of the audit log a request is about."""

from aiohttp import web

from services.scheduler.api.filters import BOUNDS, Clause, choose, instant_of, read_span, refusal
from services.scheduler.domain.acts import Act
from services.scheduler.store.audit import AuditFilter

_NAMES = {
    "subscription": "subscription",
    "resourcegroup": "resource_group",
    "collection": "collection",
    "job": "job",
    "host": "host",
    "caller": "caller",
}
_USAGE = (
    "join by and: subscription, resourceGroup, collection, job, host, caller or action eq <value>, "
    "at ge <time>, at lt <time>"
)
_ACTIONS = f"write action eq <value>, with one of {', '.join(Act)}"


def read_audit_filter(request: web.Request) -> AuditFilter:
    """Return the filter, which may be empty. Raises InvalidInputError."""
    return read_span(request, AuditFilter(), _meaning, _USAGE)


def _meaning(request: web.Request, clause: Clause) -> tuple[str, object]:
    """Return what a condition sets of the filter, and to what."""
    match clause.field.lower(), clause.relation:
        case "at", relation if relation in BOUNDS:
            return BOUNDS[relation], instant_of(clause)
        case "action", "eq":
            return "act", choose(clause, Act, _ACTIONS)
        case name, "eq" if name in _NAMES:
            return _NAMES[name], clause.value
        case _:
            raise refusal(request, _USAGE)
