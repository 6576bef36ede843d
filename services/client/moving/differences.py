"""What differs between two documents in their one form, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

MISSING = "-"
"""What is shown where one side says nothing."""
_LONGEST = 60


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is or becomes another; None where a side says nothing."""

    field: str
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        """Return it for people: `timeout: PT1M -> PT2M`."""
        return f"{self.field}: {_text(self.before)} -> {_text(self.after)}"


def changes(there: Mapping[str, Any], wanted: Mapping[str, Any], path: str = "") -> Iterator[Change]:
    """Yield every field that is not the same, in the order of the wanted document; objects are gone into."""
    for name in (*wanted, *(name for name in there if name not in wanted)):
        before, after, field = there.get(name), wanted.get(name), f"{path}{name}"
        if _is_object(before, after):
            yield from changes(before or {}, after or {}, f"{field}.")
        elif before != after:
            yield Change(field=field, before=before, after=after)


def _is_object(*sides: Any) -> bool:
    """Tell whether there is an object on either side, and nothing else on the other."""
    return any(sides) and all(side is None or isinstance(side, Mapping) for side in sides)


def _text(value: Any) -> str:
    if value is None:
        return MISSING
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
