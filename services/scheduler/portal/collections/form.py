"""The form about a collection: from what is stored to its fields, and from what was written there to a document."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.requests import read_field
from services.scheduler.api.schemas.collections import CollectionDocument, collection_document
from services.scheduler.api.schemas.jobs import FrequencyName
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.domain.collections import Collection, CollectionState, Sku
from services.scheduler.domain.policies import AtDeadline, InFlight, LastStanding, OnRelease, Strategy
from services.scheduler.errors import InvalidInputError

RULE = ("strategy", "leadTime", "inFlight", "atDeadline", "lastStanding", "onRelease")
"""What a rule about maintenance answers, as documents name it; so do the fields."""
EXCEPTIONS = ("byType", "bySource", "byDuration")
"""Rules for some events only: they are written as JSON, all in one field."""
FIELDS = ("name", "group", "state", "sku", "location", "jobs", "occurrences", "interval", "frequency", "tags", "more")
CHOICES: dict[str, tuple[str, ...]] = {
    "state": tuple(state.value for state in CollectionState),
    "sku": tuple(sku.value for sku in Sku),
    "frequency": tuple(unit.value for unit in FrequencyName),
    "strategy": tuple(one.value for one in Strategy),
    "inFlight": tuple(one.value for one in InFlight),
    "atDeadline": tuple(one.value for one in AtDeadline),
    "lastStanding": tuple(one.value for one in LastStanding),
    "onRelease": tuple(one.value for one in OnRelease),
}
"""What the fields offer that one chooses from."""
_MOST_DIGITS = 10
Fields = Mapping[str, str]


def empty_fields(group: str) -> dict[str, str]:
    """Return the fields of a collection that is still to be made, in a resource group."""
    nothing = dict.fromkeys((*FIELDS, *RULE), "")
    return nothing | {"group": group, "state": CollectionState.ENABLED.value, "sku": Sku.UNLIMITED.value}


def stored_fields(collection: Collection) -> dict[str, str]:
    """Return the fields as a stored collection fills them."""
    document: dict[str, Any] = to_builtins(collection_document(collection))
    quota, maintenance = document.get("quota") or {}, document.get("maintenance") or {}
    fastest = quota.get("maxRecurrence") or {}
    values = {
        "name": collection.name,
        "group": collection.namespace.resource_group,
        "state": document["state"],
        "sku": document["sku"]["name"],
        "location": document.get("location"),
        "jobs": quota.get("maxJobCount"),
        "occurrences": quota.get("maxJobOccurrence"),
        "interval": fastest.get("interval"),
        "frequency": fastest.get("frequency"),
        "tags": "\n".join(f"{name}={value}" for name, value in sorted(collection.definition.tags.items())),
        "more": _more({name: maintenance[name] for name in EXCEPTIONS if maintenance.get(name)}),
        **{name: maintenance.get(name) for name in RULE},
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


async def sent_fields(request: web.Request) -> dict[str, str]:
    """Return the fields as a page sent them; those that it did not are empty. Raises InvalidInputError."""
    return {name: (await read_field(request, name) or "").strip() for name in (*FIELDS, *RULE)}


def document_of(fields: Fields) -> CollectionDocument:
    """Return the document that fields write. Raises InvalidInputError naming the field of the document."""
    quota = {
        "maxJobCount": _number(fields["jobs"], "quota.maxJobCount"),
        "maxJobOccurrence": _number(fields["occurrences"], "quota.maxJobOccurrence"),
        "maxRecurrence": _fastest(fields),
    }
    maintenance = _exceptions(fields["more"]) | {name: fields[name] for name in RULE if fields[name]}
    document = {
        "state": fields["state"] or None,
        "sku": {"name": fields["sku"]} if fields["sku"] else None,
        "location": fields["location"] or None,
        "quota": {name: value for name, value in quota.items() if value is not None} or None,
        "maintenance": maintenance or None,
        "tags": dict(_tags(fields["tags"])),
    }
    return read(document, CollectionDocument)


def _number(text: str, field: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidInputError(field, f"{text[:20]!r} is not a whole number; leave it empty for the plan's own limit")
    return int(text)


def _fastest(fields: Fields) -> dict[str, Any] | None:
    interval = _number(fields["interval"], "quota.maxRecurrence.interval")
    if interval is None:
        return None
    if not fields["frequency"]:
        raise InvalidInputError("quota.maxRecurrence.frequency", "choose a unit, or leave the number empty")
    return {"frequency": fields["frequency"], "interval": interval}


def _tags(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, map(str.strip, text.splitlines())):
        name, mark, value = line.partition("=")
        if not mark or not name.strip():
            raise InvalidInputError("tags", f"{line[:40]!r} is no tag; write name=value, one a line")
        yield name.strip(), value.strip()


def _exceptions(text: str) -> dict[str, Any]:
    """Return the rules for some events only that were written as JSON."""
    if not text:
        return {}
    try:
        rules = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as fault:
        raise InvalidInputError("maintenance", f"the exceptions are not valid JSON: {fault}") from fault
    if not isinstance(rules, dict) or not rules.keys() <= set(EXCEPTIONS):
        raise InvalidInputError("maintenance", f"the exceptions are an object with some of {', '.join(EXCEPTIONS)}")
    return rules


def _more(rules: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(rules), indent=2).decode() if rules else ""
