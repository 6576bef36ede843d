"""The functions of template expressions that need nothing but their arguments.

What Azure alone can answer (`reference`, `listKeys`, `uniqueString`, `utcNow`) is missing on purpose.
"""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urljoin

import msgspec

from services.client.moving.expressions import Function

_LONGEST = 262_144
"""Characters. Variables that double each other must not fill the memory; a job has 16 kB."""
_PLACE = re.compile(r"\{\{|\}\}|\{(\d+)([^}]*)\}|[{}]")


def text(value: Any) -> str:
    """Return a value as Azure writes it into a text. Raises ValueError for null, objects and arrays."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{_kind(value)} is no text")


def whole(value: Any) -> int:
    """Return a whole number, also when written as text. Raises ValueError."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return int(value)
    raise ValueError(f"{_kind(value)} is no whole number")


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, int):
        return value != 0
    raise ValueError(f"{_kind(value)} is neither true nor false")


def _concat(values: Sequence[Any]) -> Any:
    if values and all(isinstance(value, list) for value in values):
        return _bounded([item for value in values for item in value])
    return _bounded("".join(map(text, values)))


def _format(values: Sequence[Any]) -> str:
    pattern, arguments = text(values[0]), values[1:]

    def fill(place: re.Match[str]) -> str:
        if place[0] in ("{{", "}}"):
            return place[0][0]
        if place[1] is None or place[2]:
            raise ValueError(f"the place {place[0]!r} is not supported in format(); write {{0}}, {{1}}, …")
        if int(place[1]) >= len(arguments):
            raise ValueError(f"format() has no argument for {place[0]}")
        return text(arguments[int(place[1])])

    return str(_bounded(_PLACE.sub(fill, pattern)))


def _substring(values: Sequence[Any]) -> str:
    source, start = text(values[0]), whole(values[1])
    length = whole(values[2]) if len(values) > 2 else len(source) - start
    if start < 0 or length < 0 or start + length > len(source):
        raise ValueError(f"the part lies outside of {source!r}")
    return source[start : start + length]


def _split(values: Sequence[Any]) -> list[str]:
    separators = values[1] if isinstance(values[1], list) else [values[1]]
    return re.split("|".join(re.escape(text(one)) for one in separators), text(values[0]))


def _join(values: Sequence[Any]) -> str:
    return str(_bounded(text(values[1]).join(map(text, _several(values[0])))))


def _contains(values: Sequence[Any]) -> bool:
    place, wanted = values
    if isinstance(place, str):
        return text(wanted) in place
    if isinstance(place, dict):
        return text(wanted).lower() in {name.lower() for name in place}
    return wanted in _several(place)


def _end(values: Sequence[Any], index: int) -> Any:
    source = values[0] if isinstance(values[0], str | list) else text(values[0])
    if not source:
        return "" if isinstance(source, str) else None
    return source[index]


def _length(values: Sequence[Any]) -> int:
    return len(values[0]) if isinstance(values[0], str | list | dict) else len(_several(values[0]))


def _coalesce(values: Sequence[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _create_object(values: Sequence[Any]) -> dict[str, Any]:
    if len(values) % 2:
        raise ValueError("createObject() takes names and values in pairs")
    return {text(name): value for name, value in zip(values[::2], values[1::2], strict=True)}


def _string(values: Sequence[Any]) -> str:
    value = values[0]
    return text(value) if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()


def _json(values: Sequence[Any]) -> Any:
    try:
        return msgspec.json.decode(text(values[0]))
    except msgspec.DecodeError as fault:
        raise ValueError(f"json() was given no JSON: {fault}") from fault


def _divide(values: Sequence[Any], *, rest: bool) -> int:
    left, right = whole(values[0]), whole(values[1])
    if right == 0:
        raise ValueError("divides by nothing")
    # Azure cuts towards zero, Python rounds down.
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return left - quotient * right if rest else quotient


def _pad_left(values: Sequence[Any]) -> str:
    fill = text(values[2]) if len(values) > 2 else " "
    width = whole(values[1])
    if len(fill) != 1 or width > _LONGEST:
        raise ValueError("padLeft() takes a text, a length and one character")
    return text(values[0]).rjust(width, fill)


def _several(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ValueError(f"{_kind(value)} is no array")


def _bounded(value: Any) -> Any:
    if len(value) > _LONGEST:
        raise ValueError(f"makes more than {_LONGEST} characters or elements")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else f"the {'object' if isinstance(value, dict) else type(value).__name__} {value!r}"


def _checked(least: int, most: int | None, call: Callable[[Sequence[Any]], Any], name: str) -> Function:
    def checked(values: Sequence[Any]) -> Any:
        if len(values) < least or (most is not None and len(values) > most):
            raise ValueError(f"{name}() does not take {len(values)} arguments")
        return call(values)

    return checked


_ANY = None
_TABLE: tuple[tuple[str, int, int | None, Callable[[Sequence[Any]], Any]], ...] = (
    ("add", 2, 2, lambda values: whole(values[0]) + whole(values[1])),
    ("and", 2, _ANY, lambda values: all(map(_truth, values))),
    ("array", 1, 1, lambda values: values[0] if isinstance(values[0], list) else [values[0]]),
    ("base64", 1, 1, lambda values: base64.b64encode(text(values[0]).encode()).decode()),
    ("bool", 1, 1, lambda values: _truth(values[0])),
    ("coalesce", 1, _ANY, _coalesce),
    ("concat", 1, _ANY, _concat),
    ("contains", 2, 2, _contains),
    ("createArray", 0, _ANY, list),
    ("createObject", 0, _ANY, _create_object),
    ("div", 2, 2, lambda values: _divide(values, rest=False)),
    ("empty", 1, 1, lambda values: values[0] in (None, "", [], {})),
    ("endsWith", 2, 2, lambda values: text(values[0]).lower().endswith(text(values[1]).lower())),
    ("equals", 2, 2, lambda values: bool(values[0] == values[1])),
    ("false", 0, 0, lambda _: False),
    ("first", 1, 1, lambda values: _end(values, 0)),
    ("format", 1, _ANY, _format),
    ("int", 1, 1, lambda values: whole(values[0])),
    ("join", 2, 2, _join),
    ("json", 1, 1, _json),
    ("last", 1, 1, lambda values: _end(values, -1)),
    ("length", 1, 1, _length),
    ("mod", 2, 2, lambda values: _divide(values, rest=True)),
    ("mul", 2, 2, lambda values: whole(values[0]) * whole(values[1])),
    ("not", 1, 1, lambda values: not _truth(values[0])),
    ("null", 0, 0, lambda _: None),
    ("or", 2, _ANY, lambda values: any(map(_truth, values))),
    ("padLeft", 2, 3, _pad_left),
    ("replace", 3, 3, lambda values: _bounded(text(values[0]).replace(text(values[1]), text(values[2])))),
    ("split", 2, 2, _split),
    ("startsWith", 2, 2, lambda values: text(values[0]).lower().startswith(text(values[1]).lower())),
    ("string", 1, 1, _string),
    ("sub", 2, 2, lambda values: whole(values[0]) - whole(values[1])),
    ("substring", 2, 3, _substring),
    ("toLower", 1, 1, lambda values: text(values[0]).lower()),
    ("toUpper", 1, 1, lambda values: text(values[0]).upper()),
    ("trim", 1, 1, lambda values: text(values[0]).strip()),
    ("true", 0, 0, lambda _: True),
    ("uri", 2, 2, lambda values: urljoin(text(values[0]), text(values[1]))),
    ("uriComponent", 1, 1, lambda values: quote(text(values[0]), safe="")),
)

FUNCTIONS: dict[str, Function] = {name.lower(): _checked(least, most, call, name) for name, least, most, call in _TABLE}
"""By lower-cased name."""
