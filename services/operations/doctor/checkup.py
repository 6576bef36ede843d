"""Runs the checks side by side, each within its time, and survives whatever a check runs into."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from services.operations.doctor.findings import Finding, Notes, Part, Veil
from shared.errors import LeewardError

Examine = Callable[[Notes], Awaitable[None]]
_SEARCH_ON = "look at what its other lines say; give it more time with --seconds"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the examination."""

    part: Part
    examine: Examine


async def run(checks: Iterable[Check], *, seconds: float, veil: Veil) -> list[Finding]:
    """Examine all parts at once, each for `seconds` at the most; return what was found, in the order of the checks."""
    pages = [(check, Notes(check.part, veil)) for check in checks]
    async with asyncio.TaskGroup() as tasks:
        for check, notes in pages:
            tasks.create_task(_bounded(check, notes, seconds), name=f"doctor {check.part}")
    return [finding for _, notes in pages for finding in notes.findings]


def not_checked(part: Part, why: str, remedy: str = "") -> Check:
    """Return a check that only says why it is none."""

    async def examine(notes: Notes) -> None:
        notes.skip(str(part), why, remedy)

    return Check(part=part, examine=examine)


def chosen(checks: Sequence[Check], only: Iterable[Part]) -> list[Check]:
    """Return the checks of some parts, all when none is named."""
    wanted = frozenset(only)
    return [check for check in checks if not wanted or check.part in wanted]


async def _bounded(check: Check, notes: Notes, seconds: float) -> None:
    name = str(check.part)
    try:
        async with asyncio.timeout(seconds):
            await check.examine(notes)
    except TimeoutError:
        notes.fail(name, f"it was not finished within {seconds:g} s", _SEARCH_ON)
    except LeewardError as fault:
        notes.fail(name, str(fault), "see the message")
    except Exception as fault:  # noqa: BLE001 - the rim: one check that stumbles must not take the others down
        notes.fail(name, f"the check itself failed: {type(fault).__name__}", "please report this with the version")
