"""The JSON Schema of what `leeward apply` takes, made from the API's structs; `make docs` writes it."""

from pathlib import Path
from typing import Any, Final

import msgspec

from services.scheduler.api.openapi import NAME
from services.scheduler.api.schemas.actions import ActionDocument
from services.scheduler.api.schemas.collections import CollectionDocument
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.values import schema_of

FILE: Final = Path(__file__).parents[2] / "services" / "client" / "applying" / "schema.json"
_REF: Final = "#/$defs/{name}"
_KINDS: Final = {"collection": CollectionDocument, "job": JobDocument}
_NAME: Final = {**NAME, "description": "a letter or digit, then up to 127 letters, digits, '-', '_' or '.'"}
_SOURCE: Final = {
    "type": "string",
    "description": "where the secret is read from when it is written: a file (from this file's folder on), `env:NAME`, "
    "or a reference that the scheduler resolves, `secretref:file:NAME`",
}


def rendered() -> str:
    """Return the whole schema."""
    return f"{msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode()}\n"


def schema() -> dict[str, Any]:
    """Return a schema whose `$defs` hold `collection`, `job` and `bundle`, and all they consist of."""
    _, found = msgspec.json.schema_components(_KINDS.values(), schema_hook=schema_of, ref_template=_REF)
    parts = {name: _closed(one) for name, one in found.items()}
    kinds = {name: _kind(name, parts[kind.__name__]) for name, kind in _KINDS.items()}
    definitions = {name: parts[name] for name in sorted(_used(kinds, parts))}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `leeward apply` takes",
        "oneOf": [{"$ref": _REF.format(name=name)} for name in (*kinds, "bundle")],
        "$defs": {**kinds, "bundle": _bundle(kinds), **definitions},
    }


def _kind(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {"kind": {"const": kind}, "name": _NAME}
    if kind == "job":
        named |= {"collection": _NAME, "action": {"$ref": _REF.format(name=ActionDocument.__name__)}}
    required = list(named)
    return {**one, "title": kind, "properties": {**named, **one["properties"], **named}, "required": required}


def _bundle(kinds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Describe what `leeward export --format leeward` writes: documents that need no `kind`, in two lists."""
    bare = {kind: {**one, "required": one["required"][1:]} for kind, one in kinds.items()}
    lists = {f"{kind}s": {"type": "array", "items": bare[kind], "default": []} for kind in kinds}
    return {"title": "bundle", "type": "object", "properties": lists, "additionalProperties": False}


def _used(value: Any, parts: dict[str, Any]) -> set[str]:
    """Return the names of the parts that a schema refers to, directly or by others."""
    found: set[str] = set()
    left = _references(value)
    while left:
        found |= left
        left = {name for known in left for name in _references(parts[known])} - found
    return found


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {str(value["$ref"]).rpartition("/")[2]} if "$ref" in value else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def _closed(value: Any) -> Any:
    """Return a schema in which objects have the fields that are known, secrets a source, and choices any case."""
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("readOnly"):
        return {"readOnly": True}
    found = {name: _closed(item) for name, item in value.items()}
    if "properties" in found and "title" in found:
        found["properties"] |= {f"{name}File": _SOURCE for name, one in found["properties"].items() if _is_secret(one)}
        found["additionalProperties"] = False
    if isinstance(choices := found.get("enum"), list):
        found["enum"] = list(dict.fromkeys(spelled for one in choices for spelled in _cases(one)))
    return found


def _is_secret(schema: dict[str, Any]) -> bool:
    return any(one.get("writeOnly") for one in (schema, *schema.get("anyOf", ())))


def _cases(choice: str) -> tuple[str, ...]:
    capital = choice[:1].upper() + choice[1:]
    return capital, choice, choice.lower()
