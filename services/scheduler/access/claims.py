"""What the claims of an OIDC token say of its bearer: a name, a role, collections."""

import re
from collections.abc import Iterator
from typing import Any

from services.scheduler.access.tokens import scope_of
from services.scheduler.domain.callers import Caller, Role, Scope
from services.scheduler.domain.collections import Namespace
from shared.tokens import is_collection

_ROLE = re.compile(r"leeward-(reader|operator)(?::(.+))?")
_SHOWN = ("preferred_username", "appid", "azp")
_MOST_NAME = 255
_MOST_SHOWN = 128


def caller_of_claims(claims: dict[str, Any], roles_claim: str, home: Namespace) -> Caller | None:
    """Return the caller whom claims name; None when no role here, or no usable subject is among them.

    Operator roles count alone, if there are any: a caller has one role, and gets no more than each value says.
    """
    name = _name(claims)
    grants = list(_grants(_values(claims, roles_claim), home))
    if name is None or not grants:
        return None
    role = Role.OPERATOR if any(role is Role.OPERATOR for role, _ in grants) else Role.READER
    scopes = [scope for granted, scope in grants if granted is role]
    return Caller(name=name, role=role, scopes=None if None in scopes else tuple(filter(None, scopes)))


def _name(claims: dict[str, Any]) -> str | None:
    """Return `oidc:SUBJECT`, and what people call it: no name of a tokens file looks like that."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > _MOST_NAME or not subject.isprintable():
        return None
    shown = next((claims[name] for name in _SHOWN if isinstance(claims.get(name), str)), "")
    readable = shown if shown.isprintable() and len(shown) <= _MOST_SHOWN else ""
    return f"oidc:{subject} ({readable})" if readable and readable != subject else f"oidc:{subject}"


def _grants(values: list[str], home: Namespace) -> Iterator[tuple[Role, Scope | None]]:
    for value in values:
        found = _ROLE.fullmatch(value)
        if found is None:
            continue
        role, collection = Role(found[1]), found[2]
        if collection is None:
            yield role, None
        elif is_collection(collection):
            yield role, scope_of(collection, home)


def _values(claims: dict[str, Any], path: str) -> list[str]:
    """Return a claim's values: a list, or words with blanks between, as `scope` has them."""
    value = claims.get(path)
    if value is None:
        value = _nested(claims, path)
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _nested(claims: dict[str, Any], path: str) -> object:
    """Return what stands at a path with dots, such as `realm_access.roles`."""
    place: object = claims
    for name in path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place
