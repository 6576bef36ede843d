"""Faults at the inputs they belong to: a refusal's JSON path leads to what has to be typed otherwise."""

from collections.abc import Iterable, Sequence

import msgspec

from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.jobs.form.inputs import Input
from services.scheduler.portal.jobs.form.paths import lies_at
from shared.errors import LeewardError

TEXT_ID = "f-document"
"""The id of the input that holds the whole document."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong; `id` is the input's, or nothing where no input says it. `where` is its label, or the path."""

    id: str
    where: str
    message: str


def faults_at(inputs: Sequence[Input], refusals: Iterable[LeewardError]) -> tuple[Fault, ...]:
    """Return refusals as faults of the inputs that count."""
    return tuple(_fault(inputs, refusal) for refusal in refusals)


def faults_in_text(inputs: Sequence[Input], refusals: Iterable[LeewardError]) -> tuple[Fault, ...]:
    """Return refusals as faults of the document as text, but for those of the `inputs` beside it."""
    found = faults_at(inputs, refusals)
    return tuple(
        fault if fault.id else Fault(id=TEXT_ID, where=fault.where or "The document", message=fault.message)
        for fault in found
    )


def _fault(inputs: Sequence[Input], refusal: LeewardError) -> Fault:
    if isinstance(refusal, InvalidInputError):
        path, message = refusal.field, refusal.message
    else:
        # What a plan forbids is no fault of one field, yet its message begins with the one to change.
        path, colon, rest = str(refusal).partition(": ")
        path, message = (path, rest) if colon and _input_of(inputs, path) else ("", str(refusal))
    one = _input_of(inputs, path) if path else None
    if one is None:
        return Fault(id="", where=path, message=message)
    said = (
        message
        if path == one.path or not path.startswith(one.path)
        else f"{path[len(one.path) :].lstrip('.')} {message}"
    )
    return Fault(id=one.id, where=one.label, message=said)


def _input_of(inputs: Sequence[Input], path: str) -> Input | None:
    """Return the input that says what stands at a path: the nearest around it, else the first within it."""
    around = [one for one in inputs if lies_at(path, one.path)]
    if around:
        return max(around, key=lambda one: len(one.path))
    return next((one for one in inputs if lies_at(one.path, path) or one.key == _ALIASES.get(path)), None)


_ALIASES = {"recurrence": "rhythm"}
