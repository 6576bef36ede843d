"""Scripted rehearsals: a YAML list of steps, played in order against the stage (docs/emulator.md)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
import yaml

from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Fault
from services.vmwatch.emulator.fleet import read_yaml
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.errors import RehearsalError, TimelineError, UnknownEventError
from shared.logs import get_logger

_NO_WAIT: Final = timedelta(0)
_log = get_logger(__name__)


class _Step(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="do", tag=str.lower, forbid_unknown_fields=True
):
    """What every step has: `at`, seconds of Azure's time since the beginning."""

    at: float


class Schedule(_Step, frozen=True, kw_only=True):
    """Raise an event; later steps call it by `event`."""

    event: str
    type: str
    resources: tuple[str, ...]
    id: str | None = None
    status: str = "Scheduled"
    source: str = "Platform"
    description: str = ""
    notice_seconds: float | None = None
    duration_seconds: int | None = None
    started_seconds: float | None = None

    def draft(self) -> Draft:
        """Return the event to raise."""
        fields = {name: getattr(self, name) for name in Draft.__struct_fields__}
        return Draft(**fields)


class Start(_Step, frozen=True, kw_only=True):
    """Start an event at once."""

    event: str


class Finish(_Step, frozen=True, kw_only=True):
    """End an event as completed."""

    event: str


class Cancel(_Step, frozen=True, kw_only=True):
    """Withdraw an event."""

    event: str


class Reschedule(_Step, frozen=True, kw_only=True):
    """Move an event's NotBefore to so many seconds after this step."""

    event: str
    notice_seconds: float


class Faulty(_Step, frozen=True, kw_only=True, tag="fault"):
    """Add a fault."""

    fault: Fault


class Heal(_Step, frozen=True, kw_only=True):
    """End all faults."""


class Reset(_Step, frozen=True, kw_only=True):
    """Let the incarnation fall or jump."""

    incarnation: int = 1


Step = Schedule | Start | Finish | Cancel | Reschedule | Faulty | Heal | Reset


def load_timeline(path: Path) -> tuple[Step, ...]:
    """Read a list of steps, or a mapping with the list under `timeline`. Raises TimelineError naming the step."""
    try:
        plain = read_yaml(path)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as fault:
        raise TimelineError(f"{path}: {fault}") from fault
    steps = plain.get("timeline") if isinstance(plain, dict) else plain
    if not isinstance(steps, list):
        raise TimelineError(f"{path}: write a list of steps, each like {{at: 5, do: schedule, …}}")
    read = tuple(_read_step(path, number, step) for number, step in enumerate(steps, start=1))
    return _checked(path, tuple(sorted(read, key=lambda step: step.at)))


async def play(stage: Stage, steps: tuple[Step, ...]) -> None:
    """Take the steps, each at its time. A step about an event that is over already is logged and passed over."""
    begin = stage.pace.now()
    ids: dict[str, str] = {}
    for step in steps:
        wait = begin + stage.pace.span(step.at) - stage.pace.now()
        await asyncio.sleep(max(wait, _NO_WAIT).total_seconds())
        try:
            _take(stage, step, ids)
        except (UnknownEventError, RehearsalError) as fault:
            _log.warning("timeline step passed over", at=step.at, reason=str(fault))
    if steps:
        _log.info("timeline played", steps=len(steps))


def _take(stage: Stage, step: Step, ids: dict[str, str]) -> None:
    match step:
        case Schedule():
            ids[step.event] = stage.schedule(step.draft()).id
        case Start():
            stage.start(_id_of(step.event, ids))
        case Finish():
            stage.finish(_id_of(step.event, ids))
        case Cancel():
            stage.cancel(_id_of(step.event, ids))
        case Reschedule():
            stage.reschedule(_id_of(step.event, ids), step.notice_seconds)
        case Faulty():
            stage.faults.add(step.fault, stage.pace.now())
        case Heal():
            stage.faults.replace((), stage.pace.now())
        case Reset():
            stage.reset(step.incarnation)


def _id_of(event: str, ids: dict[str, str]) -> str:
    if event not in ids:
        raise UnknownEventError(f"event {event!r} was not raised")
    return ids[event]


def _read_step(path: Path, number: int, plain: object) -> Step:
    try:
        step: Step = msgspec.convert(plain, Step)
    except msgspec.ValidationError as fault:
        raise TimelineError(f"{path}: step {number}: {fault}") from fault
    return step


def _checked(path: Path, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Refuse steps about events that no earlier step raises, and names raised twice."""
    raised: set[str] = set()
    for step in steps:
        if isinstance(step, Schedule):
            if step.event in raised:
                raise TimelineError(f"{path}: event {step.event!r} is raised twice; give each its own name")
            raised.add(step.event)
        elif isinstance(step, Start | Finish | Cancel | Reschedule) and step.event not in raised:
            known = ", ".join(sorted(raised)) or "none"
            raise TimelineError(
                f"{path}: the step at {step.at:g} speaks of event {step.event!r}, raised so far: {known}"
            )
    return steps
