"""Holds documents against their JSON Schema: unknown fields, wrong types and choices, before anybody is asked.

The schema is made from the API's structs (`make docs`). It uses a dozen words of JSON Schema, and so does this.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

import msgspec

from services.client.applying.files import Steps

Found = tuple[Steps, str]
"""Where in a document something is wrong, and what."""
_TYPES: Mapping[str, tuple[type, str]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
}


def schema_text() -> str:
    """Return the JSON Schema of what may be applied, for editors."""
    return files("services.client.applying").joinpath("schema.json").read_text(encoding="utf-8")


class Schema:
    """The schema, read once."""

    def __init__(self, text: str) -> None:
        """Take the schema as `schema_text` gives it."""
        self._definitions: dict[str, Any] = msgspec.json.decode(text)["$defs"]

    def faults(self, document: Any, name: str) -> list[Found]:
        """Return all that is wrong with a document of the definition of this name."""
        return list(self._check(document, self._definitions[name], ()))

    def _check(self, value: Any, schema: Mapping[str, Any], at: Steps) -> Iterator[Found]:
        if reference := schema.get("$ref"):
            yield from self._check(value, self._definitions[reference.rpartition("/")[2]], at)
        elif choices := schema.get("anyOf"):
            yield from self._check(value, self._choice(value, choices), at)
        elif value is None and "default" in schema:
            return
        elif kind := schema.get("type", "string" if "enum" in schema else None):
            yield from self._check_type(value, kind, schema, at)
        elif "const" in schema and value != schema["const"]:
            yield at, f"must be {schema['const']!r}"

    def _choice(self, value: Any, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the alternative that the value's type points to; the first, where none does."""
        for choice in choices:
            plain = self._definitions[choice["$ref"].rpartition("/")[2]] if "$ref" in choice else choice
            if plain.get("type") == "null" and value is None:
                return {}
            kind = _TYPES.get(plain.get("type", "string" if "enum" in plain else ""))
            if kind is not None and _is(value, kind[0]):
                return choice
        return choices[0]

    def _check_type(self, value: Any, kind: str, schema: Mapping[str, Any], at: Steps) -> Iterator[Found]:
        wanted, told = _TYPES[kind]
        if not _is(value, wanted):
            yield at, f"must be {told}"
        elif isinstance(value, dict):
            yield from self._check_object(value, schema, at)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._check(item, schema.get("items", {}), (*at, number))
        elif "enum" in schema and value.lower() not in {choice.lower() for choice in schema["enum"]}:
            yield at, f"{value!r} is none of {', '.join(_spelled(schema['enum']))}"
        elif "pattern" in schema and not re.fullmatch(schema["pattern"], value):
            yield at, f"{value!r} does not fit: {schema.get('description', schema['pattern'])}"

    def _check_object(self, value: dict[Any, Any], schema: Mapping[str, Any], at: Steps) -> Iterator[Found]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        missing = [name for name in schema.get("required", ()) if value.get(name) is None]
        for name, item in value.items():
            if name in missing:
                continue
            if name in known:
                yield from self._check(item, known[name], (*at, name))
            elif others is False:
                yield (*at, name), _unknown(str(name), known)
            elif isinstance(others, dict):
                yield from self._check(item, others, (*at, name))
        for name in missing:
            yield at, f"{name} is missing"


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _spelled(choices: list[str]) -> list[str]:
    """Return each choice once, as it is spelled best: the schema has several spellings of each, that one first."""
    return list({choice.lower(): choice for choice in reversed(choices)}.values())[::-1]


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    lowered = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    return f"{name!r} is no field here; did you mean {lowered[near[0]]!r}?" if near else f"{name!r} is no field here"
