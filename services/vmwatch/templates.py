"""Texts with `${event.type}` and its like in them, as operators write them; nothing in one is ever run. Pure."""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

FIELDS: Final = (
    "phase",
    "why",
    "host",
    "computerName",
    "deadline",
    "drain",
    "event.id",
    "event.type",
    "event.status",
    "event.source",
    "event.description",
    "event.resources",
    "event.notBefore",
    "event.durationSeconds",
)
"""What a template can name: what the event asks of the host, as texts, empty where nothing is known."""
_PLACE = re.compile(r"\$\{([^}]*)\}|\$\$")


def checked(text: str) -> str:
    """Return a text unchanged, or raise ValueError that says what to write: it names something that there is not."""
    for match in _PLACE.finditer(text):
        name = match[1]
        if name is not None and name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean ${{{near[0]}}}?" if near else f"write one of {', '.join(FIELDS)}, or $$ for a $"
            raise ValueError(f"${{{name}}} is unknown; {hint}")
    return text


def filled(text: str, fields: Mapping[str, str]) -> str:
    """Return a text with each `${field}` replaced by its value, and `$$` by `$`."""
    return _PLACE.sub(lambda match: "$" if match[1] is None else fields[match[1]], text)


class JsonTemplate:
    """A JSON document in whose texts fields stand; whatever the values are, what comes out is that document."""

    def __init__(self, text: str) -> None:
        """Read it. Raises ValueError that says what to write."""
        try:
            self._document: Json = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as fault:
            raise ValueError(f"it is no JSON document: {fault}") from None
        _mapped(self._document, checked)

    def fill(self, fields: Mapping[str, str]) -> bytes:
        """Return the document with its fields filled in, as UTF-8."""
        return msgspec.json.encode(_mapped(self._document, lambda part: filled(part, fields)))


def _mapped(part: Json, change: Callable[[str], str]) -> Json:
    if isinstance(part, str):
        return change(part)
    if isinstance(part, list):
        return [_mapped(each, change) for each in part]
    if isinstance(part, dict):
        return {name: _mapped(each, change) for name, each in part.items()}
    return part
