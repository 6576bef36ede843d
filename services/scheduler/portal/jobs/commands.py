"""What one types to do with a job or a collection what its page does."""

from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """What it does, and the line for the terminal; names need no quotes there (DESIGN §5, Names)."""

    does: str
    line: str


def job_commands(collection: str, name: str, *, is_enabled: bool) -> tuple[Command, ...]:
    """Return the lines about a job."""
    job = f"{collection}/{name}"
    switch = ("Disable", "disable") if is_enabled else ("Enable", "enable")
    return _lines(
        (
            ("Show", f"job show {job}"),
            ("Run now", f"job run {job}"),
            (switch[0], f"job {switch[1]} {job}"),
            ("What comes", f"job occurrences {job}"),
            ("What became of it", f"job history {job}"),
            ("Why", f"job decisions {job}"),
            ("Delete", f"job delete {job}"),
        )
    )


def collection_commands(name: str, *, is_enabled: bool) -> tuple[Command, ...]:
    """Return the lines about a collection."""
    switch = ("Disable", "disable") if is_enabled else ("Enable", "enable")
    return _lines(
        (
            ("Show", f"collection show {name}"),
            ("Its jobs", f"job list {name}"),
            (switch[0], f"collection {switch[1]} {name}"),
            ("Take along", f"export {name}"),
            ("Delete", f"collection delete {name}"),
        )
    )


def _lines(lines: Sequence[tuple[str, str]]) -> tuple[Command, ...]:
    return tuple(Command(does, f"leeward {line}") for does, line in lines)
