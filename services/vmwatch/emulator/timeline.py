"""Scripted rehearsals: a YAML list of steps, played in order against the stage (docs/emulator.md)."""

from pathlib import Path
from typing import Final, cast

import yaml

from services.vmwatch.emulator.fleet import Fleet, read_yaml
from services.vmwatch.emulator.hints import WrongKeysError, convert, nearest
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.steps import AboutEvent, Raised, Schedule, Step
from services.vmwatch.errors import RehearsalError, TimelineError, UnknownEventError
from shared.logs import get_logger

_log = get_logger(__name__)


_STEP: Final = cast("type[Step]", Step)


def load_timeline(path: Path, fleet: Fleet | None = None) -> tuple[Step, ...]:
    """Read a list of steps, or a mapping with the list under `timeline`; with a fleet, its VMs are looked up, too.

    Raises TimelineError naming the step and, for a word that is not known, the nearest one.
    """
    try:
        plain = read_yaml(path)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as fault:
        raise TimelineError(f"{path}: {fault}") from fault
    steps = plain.get("timeline") if isinstance(plain, dict) else plain
    if not isinstance(steps, list):
        raise TimelineError(f"{path}: write a list of steps, each like {{at: 5, do: schedule, …}}")
    read = tuple(_read_step(path, number, step, fleet) for number, step in enumerate(steps, start=1))
    return _checked(path, tuple(sorted(read, key=lambda step: step.at)))


async def play(stage: Stage, steps: tuple[Step, ...]) -> None:
    """Take the steps, each at its time. A step about an event that is over already is logged and passed over."""
    begin = stage.pace.now()
    raised = Raised()
    for step in steps:
        await stage.pace.until(begin + stage.pace.span(step.at))
        try:
            step.take(stage, raised)
        except (UnknownEventError, RehearsalError) as fault:
            _log.warning("timeline step passed over", at=step.at, reason=str(fault))
    if steps:
        _log.info("timeline played", steps=len(steps))


def _read_step(path: Path, number: int, plain: object, fleet: Fleet | None) -> Step:
    try:
        step = convert(plain, _STEP)
        if fleet and isinstance(step, Schedule):
            _check_resources(step.resources, fleet)
    except WrongKeysError as fault:
        raise TimelineError(f"{path}: step {number}: {fault}") from fault
    return step


def _check_resources(resources: tuple[str, ...], fleet: Fleet) -> None:
    for name in resources:
        if fleet.find(name) is None:
            hint = nearest(name, tuple(vm.name for vm in fleet.vms))
            raise WrongKeysError(f"no VM {name!r} in this fleet (`$.resources`); {hint}")


def _checked(path: Path, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Refuse steps about events that no earlier step raises, and names raised twice."""
    raised: set[str] = set()
    for step in steps:
        if isinstance(step, Schedule):
            if step.event in raised:
                raise TimelineError(f"{path}: event {step.event!r} is raised twice; give each its own name")
            raised.add(step.event)
        elif isinstance(step, AboutEvent) and step.event not in raised:
            known = ", ".join(sorted(raised)) or "none"
            raise TimelineError(
                f"{path}: the step at {step.at:g} speaks of event {step.event!r}, raised so far: {known}"
            )
    return steps
