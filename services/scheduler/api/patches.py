"""What a patch makes of a stored job: secrets that it does not name stay, what another type leaves behind goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.scheduler.api.merge import merge
from services.scheduler.api.schemas.job_writer import job_document
from services.scheduler.api.schemas.maintenance_writer import spell_source, spell_type
from services.scheduler.api.schemas.values import SecretText, to_builtins
from services.scheduler.domain.actions import ActionKind
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import MESSAGES, secrets_of

_CALLS = (("action",), ("maintenance", "cancel"))
"""Where a job says what is sent; an error action is part of its action."""


def patched(job: Job, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a stored job changed by `patch` (RFC 7386).

    Each secret that stays is a SecretText that refers to the stored one; whoever reads it looks to whom it is shown.
    """
    return merge(_cleared(_base(job), patch), canonical(patch))


def _base(job: Job) -> dict[str, Any]:
    """Return the document a patch applies to: as stored, not as shown behind a closed gate; with its secrets."""
    base = {**to_builtins(job_document(job)), "state": job.state.value}
    for held in secrets_of(job.definition.action):
        _put(base, held.field.split("."), SecretText(held=held))
    return base


def _put(document: dict[str, Any], path: Sequence[str], secret: SecretText) -> None:
    *parents, last = path
    for name in parents:
        document = document.setdefault(name, {})
    document[last] = secret


def canonical(patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a job's or collection's patch with event types and sources spelled as documents spell them, so that they
    meet what they change.
    """
    maintenance = patch.get("maintenance")
    if not isinstance(maintenance, dict):
        return patch
    spelled = {
        field: {spell(name): rule for name, rule in rules.items()}
        for field, spell in (("byType", spell_type), ("bySource", spell_source))
        if isinstance(rules := maintenance.get(field), dict)
    }
    return {**patch, "maintenance": {**maintenance, **spelled}}


def _cleared(base: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base without what belongs to another type than the patch asks for: nothing of it could be meant."""
    for path in _CALLS:
        base = _cleared_at(path, base, patch)
    return base


def _cleared_at(path: Sequence[str], before: Any, change: object) -> Any:
    """Return what stands at the path's beginning, with the call at its end cleared if the change has one there."""
    if not isinstance(before, dict) or not isinstance(change, dict):
        return before
    if not path:
        return _cleared_action(before, change)
    name, *rest = path
    return {**before, name: _cleared_at(rest, before[name], change.get(name))} if name in before else before


def _cleared_action(action: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    kind = _kind(change.get("type"))
    if kind is not None:
        kept = MESSAGES[kind]
        action = {name: value for name, value in action.items() if name == kept or name not in MESSAGES.values()}
    if isinstance(request := change.get("request"), dict) and "request" in action:
        action = {**action, "request": _cleared_request(action["request"], request)}
    if isinstance(error := change.get("errorAction"), dict) and "errorAction" in action:
        action = {**action, "errorAction": _cleared_action(action["errorAction"], error)}
    return action


def _cleared_request(request: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    before, after = request.get("authentication"), change.get("authentication")
    if not isinstance(before, dict) or not isinstance(after, dict) or not isinstance(after.get("type"), str):
        return request
    if before["type"].lower() == after["type"].lower():
        return request
    return {name: value for name, value in request.items() if name != "authentication"}


def _kind(written: object) -> ActionKind | None:
    try:
        return ActionKind(written) if isinstance(written, str) else None
    except ValueError:
        return None
