"""Leeward's own requirements as its metadata has them: names with `>=` and `<` (pyproject.toml), nothing else.

A library for all that such lines may hold would be one more that every watcher needs.
"""

import re

import msgspec

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?P<versions>[^;]*?)\s*(?:;\s*(?P<marker>.*))?")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution, the versions of it that will do, and the extra that needs it, empty for none."""

    name: str
    versions: str
    extra: str


def read_requirement(line: str) -> Requirement:
    """Read a line of Requires-Dist. Raises ValueError for one that is of another form."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"{line!r} is no requirement")
    extra = _EXTRA.search(found["marker"] or "")
    return Requirement(name=found["name"], versions=found["versions"], extra=extra[1] if extra else "")


def is_met(wanted: Requirement, present: str) -> bool:
    """Whether a version lies within the bounds."""
    bounds = _BOUND.findall(wanted.versions)
    return all((_number(present) >= _number(bound)) is (sign == ">=") for sign, bound in bounds)


def _number(text: str) -> tuple[int, ...]:
    """Return the release's numbers, without zeros at the end and without what follows them, as in 2.0rc1."""
    numbers = [int(part) for part in re.match(r"[0-9.]*", text)[0].split(".") if part]  # type: ignore[index]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
