"""Reads what people write by hand, and says of a word that is not known which one comes nearest."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from shared.errors import PermanentError

T = TypeVar("T")
_NEAR_ENOUGH: Final = 0.5


class WrongKeysError(PermanentError):
    """Plain values that are not what they should be; the message names the place as `$.vms[0].name`."""


def convert(plain: object, kind: type[T]) -> T:
    """Return plain values (of YAML or JSON) as `kind`. Raises WrongKeysError with the nearest word that is known."""
    for problem in _unknown(plain, inspect.type_info(kind), "$"):
        raise WrongKeysError(problem)
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as fault:
        raise WrongKeysError(str(fault)) from fault


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return `did you mean …?`, or all that is known when nothing comes near."""
    lowered = {each.lower(): each for each in known}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=_NEAR_ENOUGH)
    return f"did you mean {lowered[near[0]]}?" if near else f"known are {', '.join(known)}"


def _unknown(plain: object, node: inspect.Type, place: str) -> Iterator[str]:
    """Yield what is not known, from the outside in."""
    if isinstance(node, inspect.UnionType):
        yield from _of_union(plain, node, place)
    elif isinstance(node, inspect.VarTupleType) and isinstance(plain, list):
        for number, item in enumerate(plain):
            yield from _unknown(item, node.item_type, f"{place}[{number}]")
    elif isinstance(node, inspect.StructType) and isinstance(plain, dict):
        yield from _of_struct(plain, node, place)
    elif isinstance(node, inspect.EnumType) and isinstance(plain, str):
        known = tuple(str(member.value) for member in node.cls)
        if plain not in known:
            yield f"{plain!r} at `{place}` is not known; {nearest(plain, known)}"


def _of_struct(plain: dict[object, object], node: inspect.StructType, place: str) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in node.fields}
    known = (*((node.tag_field,) if node.tag_field else ()), *fields)
    for key, value in plain.items():
        if key in fields:
            yield from _unknown(value, fields[str(key)], f"{place}.{key}")
        elif key not in known:
            yield f"unknown key {key!r} at `{place}`; {nearest(str(key), known)}"


def _of_union(plain: object, node: inspect.UnionType, place: str) -> Iterator[str]:
    """Look into the member that the tag names; other unions (a value or null) have nothing to look into."""
    members = {member.tag: member for member in node.types if isinstance(member, inspect.StructType)}
    tag_field = next((member.tag_field for member in members.values()), None)
    if tag_field is None or not isinstance(plain, dict) or tag_field not in plain:
        return
    tag = plain[tag_field]
    if tag in members:
        yield from _unknown(plain, members[tag], place)
    else:
        yield f"{tag!r} at `{place}.{tag_field}` is not known; {nearest(str(tag), tuple(map(str, members)))}"
