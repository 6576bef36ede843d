"""From a document to what the form's inputs show of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.scheduler.api.schemas.values import Time
from services.scheduler.domain.actions import ActionKind
from services.scheduler.domain.secret_fields import MESSAGES
from services.scheduler.domain.zones import WallClock
from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.jobs.form.fields import CRON, EVERY, ONCE, RULE, ZONE, sections
from services.scheduler.portal.jobs.form.inputs import Input, Texts, Widget
from services.scheduler.portal.jobs.form.paths import look
from services.scheduler.portal.jobs.form.values import shown

_HTTP = frozenset({ActionKind.HTTP, ActionKind.HTTPS})


def fields_of(document: Mapping[str, Any]) -> dict[str, Texts]:
    """Return what each input shows; one that cannot show what the document says is not there."""
    found = {one.key: look_at(one, document) for section in sections() for one in section.inputs()}
    return {key: texts for key, texts in found.items() if texts is not None}


def look_at(one: Input, document: Mapping[str, Any]) -> Texts | None:
    """Return what an input shows of a document; None when it cannot show what stands there."""
    match one.widget:
        case Widget.CALL:
            return _kind(look(document, one.path.removesuffix(".type")), one.default)
        case Widget.RHYTHM:
            return (_rhythm(document.get(RULE)),)
        case Widget.TIME:
            return _time(look(document, one.path), look(document, ZONE))
        case _:
            return shown(one, look(document, one.path))


def wall_time(text: str, zone: str | None) -> str | None:
    """Return a document's time as the clock of its zone shows it; None for what is no time, or in no zone."""
    try:
        written = Time.parse(text).value
        wall = written if written.tzinfo is None else WallClock(zone).read(written)
    except (ValueError, InvalidInputError, OverflowError):
        return None
    return spell(wall)


def spell(wall: datetime) -> str:
    """Return a wall time as browsers spell it: seconds and milliseconds only where there are any."""
    precision = "milliseconds" if wall.microsecond else "seconds" if wall.second else "minutes"
    return wall.replace(tzinfo=None).isoformat(timespec=precision)


def _kind(action: object, default: str) -> Texts | None:
    """Return which kind of action stands there: the one of its type, or of the only message without one."""
    if action is None:
        return (default,)
    if not isinstance(action, dict):
        return None
    try:
        kind = ActionKind(action["type"]) if "type" in action else _of_message(action)
    except ValueError:
        return None
    return (ActionKind.HTTP.value if kind in _HTTP else kind.value,)


def _of_message(action: Mapping[str, Any]) -> ActionKind:
    given = [kind for kind, message in MESSAGES.items() if message in action and kind is not ActionKind.HTTPS]
    return given[0] if given else ActionKind.HTTP


def _rhythm(rule: object) -> str:
    if not isinstance(rule, dict):
        return ONCE
    return CRON if rule.get("cron") is not None else EVERY


def _time(text: object, zone: object) -> Texts | None:
    if text is None:
        return ("",)
    shown_as = wall_time(text, zone if isinstance(zone, str) else None) if isinstance(text, str) else None
    return None if shown_as is None else (shown_as,)
