"""Reads a body as a document: faults name the JSON path and what would have been right."""

import re
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from services.scheduler.api.schemas.shapes import Field, Shape, choices, described, shape_of
from services.scheduler.api.schemas.values import Document, decode_value
from services.scheduler.errors import InvalidInputError

D = TypeVar("D", bound=Document)
_FAULT = re.compile(r"(?P<what>.*) - at (?:`key` in )?`\$(?P<path>[^`]*)`", re.DOTALL)
"""The last path counts: what a caller wrote is repeated before it, and may look like one."""
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_ENUM = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
NUL = "\x00"


class MalformedBodyError(InvalidInputError):
    """The body is no JSON object at all."""


def parse(body: bytes) -> dict[str, Any]:
    """Read a body as a JSON object; raises MalformedBodyError. An empty body is an empty object."""
    try:
        document = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise MalformedBodyError("", f"the body is not valid JSON: {fault}") from fault
    if not isinstance(document, dict):
        raise MalformedBodyError("", "the body must be a JSON object")
    return document


def read(document: dict[str, Any], kind: type[D], *, strict: bool = True) -> D:
    """Return `document` as `kind`; read-only fields are dropped, a null is what an absent field is.

    Unknown fields are refused when `strict`, else ignored. Raises InvalidInputError.
    """
    cleaned = _clean(document, shape_of(kind), "", strict=strict)
    try:
        return msgspec.convert(cleaned, kind, dec_hook=decode_value)
    except msgspec.ValidationError as fault:
        raise _explained(fault, cleaned, described(kind)) from fault


def spelled(document: dict[str, Any], kind: type[Document]) -> dict[str, Any]:
    """Return `document` with the fields that `kind` knows spelled as it spells them, whatever their case.

    .NET, which wrote the old API, reads them so; here it must come before a merge, where two spellings are two fields.
    """
    respelled = _spelled(document, described(kind))
    return respelled if isinstance(respelled, dict) else {}


def _spelled(value: Any, node: inspect.Type) -> Any:
    for choice in choices(node):
        if isinstance(value, dict) and isinstance(choice, inspect.StructType):
            known = {field.encode_name.lower(): field for field in reversed(choice.fields)}
            exact = {field.encode_name: field for field in choice.fields}
            fields = {name: exact.get(name) or known.get(name.lower()) for name in value}
            return {
                field.encode_name if field else name: _spelled(value[name], field.type) if field else value[name]
                for name, field in fields.items()
            }
        if isinstance(value, list) and isinstance(choice, inspect.ListType):
            return [_spelled(item, choice.item_type) for item in value]
        if isinstance(value, dict) and isinstance(choice, inspect.DictType):
            return {name: _spelled(item, choice.value_type) for name, item in value.items()}
    return value


def _clean(value: Any, shape: Shape, path: str, *, strict: bool) -> Any:
    """Return `value` as far as `shape` describes it, read-only fields left out."""
    if isinstance(value, str):
        _refuse_nul(value, path)
    elif isinstance(value, dict):
        if shape.fields is not None:
            return _clean_object(value, shape, shape.fields, path, strict=strict)
        if shape.values is not None:
            return _clean_entries(value, shape.values, path, strict=strict)
    elif isinstance(value, list) and shape.items is not None:
        items = shape.items
        return [_clean(item, items, f"{path}[{place}]", strict=strict) for place, item in enumerate(value)]
    return value


def _clean_entries(value: dict[str, Any], shape: Shape, path: str, *, strict: bool) -> dict[str, Any]:
    for name in value:
        _refuse_nul(name, path)
    return {name: _clean(item, shape, _join(path, name), strict=strict) for name, item in value.items()}


def _refuse_nul(text: str, path: str) -> None:
    """PostgreSQL keeps no NUL; nothing a caller can mean needs one."""
    if NUL in text:
        raise InvalidInputError(path, "holds a NUL character")


def _clean_object(
    value: dict[str, Any], shape: Shape, fields: dict[str, Field], path: str, *, strict: bool
) -> dict[str, Any]:
    cleaned = {}
    for name, item in value.items():
        field = fields.get(name)
        if field is None:
            if strict:
                raise InvalidInputError(_join(path, name), _unknown(name, fields))
        elif not field.read_only and (item is not None or field.required):
            cleaned[name] = _clean(item, field.shape, _join(path, name), strict=strict)
    return cleaned


def _explained(fault: msgspec.ValidationError, document: dict[str, Any], node: inspect.Type) -> InvalidInputError:
    match = _FAULT.fullmatch(str(fault))
    what, steps = (match["what"], match["path"]) if match else (str(fault), "")
    path, culprit = _locate(steps, document, node)
    if missing := _MISSING.fullmatch(what):
        return InvalidInputError(_join(path, missing[1]), "is required")
    if wrong := _ENUM.fullmatch(what):
        return InvalidInputError(path, f"{wrong[1]!r} is none of {', '.join(_members(culprit))}")
    return InvalidInputError(path, what.replace("Expected", "expected").replace("`", "").replace(" | null", ""))


def _locate(steps: str, document: dict[str, Any], node: inspect.Type) -> tuple[str, inspect.Type | None]:
    """Follow msgspec's path through document and type; `[...]` stands for a key, which is found by trying."""
    path, found = "", node
    place: Any = document
    for step in _STEP.finditer(steps):
        chosen = next((c for c in choices(found) if isinstance(c, _CONTAINERS)), None)
        if step["name"]:
            key: Any = step["name"]
            path = _join(path, key)
        elif step["index"]:
            key = int(step["index"])
            path = f"{path}[{key}]"
        else:
            key = _culprit_key(place, _inside(chosen, ""))
            path = _join(path, key)
        place = place[key] if isinstance(place, list) or key in place else {}
        found = _inside(chosen, key)
    return path, found


def _culprit_key(place: dict[str, Any], node: inspect.Type) -> str:
    """Return the first key whose value is none of its type; each is tried once, however many there are."""
    struct = next((choice.cls for choice in choices(node) if isinstance(choice, inspect.StructType)), None)
    for key, item in place.items():
        try:
            msgspec.convert(item, struct or str, dec_hook=decode_value)
        except msgspec.ValidationError:
            return key
    return "?"


_CONTAINERS = (inspect.StructType, inspect.DictType, inspect.ListType)


def _inside(node: inspect.Type | None, key: str | int) -> inspect.Type:
    if isinstance(node, inspect.StructType):
        return next((field.type for field in node.fields if field.encode_name == key), inspect.AnyType())
    if isinstance(node, inspect.DictType):
        return node.value_type
    return node.item_type if isinstance(node, inspect.ListType) else inspect.AnyType()


def _members(node: inspect.Type | None) -> list[str]:
    kinds = [choice.cls for choice in choices(node or inspect.AnyType()) if isinstance(choice, inspect.EnumType)]
    return [str(member.value) for kind in kinds for member in kind]


def _unknown(name: str, fields: dict[str, Field]) -> str:
    lowered = {known.lower(): known for known in fields}
    near = get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    if near:
        return f"unknown field; did you mean {lowered[near[0]]!r}?"
    return f"unknown field; known are {', '.join(sorted(fields))}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
