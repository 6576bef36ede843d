"""From what a file says to the documents that this scheduler takes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.client.moving.fields import BY_NAME, COLLECTION_FIELDS, DURATIONS, FREE_FORM, JOB_FIELDS, READ_ONLY, part
from services.client.moving.obstacles import missing_secrets, obstacles
from services.client.moving.sources import Dialect, Found
from shared.durations import format_iso, parse_duration

_FOR_EVER = 9999
"""The year that Azure's portal wrote for "never ends" (reference §2.3)."""
_NOT_EXPORTED = "no export holds it; give it to the template as a parameter, or write it into the file"
_ENDED = ("completed", "faulted")
_OLD_PREMIUM = "P20Premium"
"""What 2016-01-01 called Premium; the larger of the two it became, so that every job still fits."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A collection or job to be written.

    `notes` tell what was left out or should be known; `obstacles`, when there are any, why it cannot be written;
    `missing` names secrets without which it can only stay as it is.
    """

    collection: str
    job: str | None = None
    document: dict[str, Any]
    notes: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`collection` or `collection/job`."""
        return self.collection if self.job is None else f"{self.collection}/{self.job}"


def translate(found: Found, now: datetime) -> Wanted:
    """Return what the scheduler is to be asked for; `now` tells which one-time jobs run at once."""
    if found.job is None:
        return _collection(found)
    return _job(found, now)


def state_of(document: Mapping[str, Any]) -> str:
    """Return a document's state in lower case; what has none is enabled."""
    return str(document.get("state") or "enabled").lower()


def has_ended(document: Mapping[str, Any]) -> bool:
    """Tell whether a job is Completed or Faulted."""
    return state_of(document) in _ENDED


def _collection(found: Found) -> Wanted:
    if found.dialect is Dialect.OWN:
        return Wanted(collection=found.collection, document=_without(found.document, {*READ_ONLY, "name"}))
    speller = _Speller(COLLECTION_FIELDS)
    document = speller.spell(part(found.document, "properties"))
    notes = speller.strangers()
    document.setdefault("sku", {"name": "Standard"})
    if str(part(document, "sku").get("name")).lower() == "premium":
        notes.append(f"plan Premium of 2016-01-01 becomes {_OLD_PREMIUM}")
        document["sku"] = {"name": _OLD_PREMIUM}
    document |= _given(location=found.document.get("location"), tags=found.document.get("tags"))
    gone = ("state: Azure had deleted it",) if state_of(document) == "deleted" else ()
    return Wanted(collection=found.collection, document=document, notes=tuple(notes), obstacles=gone)


def _job(found: Found, now: datetime) -> Wanted:
    notes: list[str] = []
    if found.dialect is Dialect.OWN:
        document = _without(found.document, {*READ_ONLY, "name", "collection"})
    else:
        speller = _Speller(JOB_FIELDS)
        document = _tidy(speller.spell(part(found.document, "properties")))
        notes += speller.strangers()
    reasons = obstacles(document)
    if has_ended(document):
        notes.append(f"was {document['state']}; Disabled here, so that it does not run again")
    elif not reasons and _runs_at_once(document, now):
        notes.append("runs at once: a one-time job without a startTime to come")
    return Wanted(
        collection=found.collection,
        job=found.job,
        document=document,
        notes=tuple(notes),
        obstacles=tuple(reasons),
        missing=tuple(f"{path}: {_NOT_EXPORTED}" for path in missing_secrets(document)),
    )


class _Speller:
    """Spells the fields of a document as they should be, drops nulls and read-only ones, and counts the unknown."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = {name.lower(): name for name in (*fields, *READ_ONLY)}
        self._strange: list[str] = []

    def spell(self, document: Mapping[str, Any], path: str = "") -> dict[str, Any]:
        spelled: dict[str, Any] = {}
        for written, value in document.items():
            name = self._fields.get(written.lower())
            if value is None or name in READ_ONLY:
                continue
            if name is None:
                self._strange.append(f"{path}{written}")
            elif name in BY_NAME and isinstance(value, dict):
                spelled[name] = {one: self._value(one, rule, f"{path}{name}.{one}") for one, rule in value.items()}
            else:
                spelled[name] = self._value(name, value, f"{path}{name}")
        return spelled

    def strangers(self) -> list[str]:
        """Return a note for each field that nobody here knows."""
        return [f"{path} is left out: no such field" for path in self._strange]

    def _value(self, name: str, value: Any, path: str) -> Any:
        if isinstance(value, dict):
            free = {key: item for key, item in value.items() if item is not None}
            return free if name in FREE_FORM else self.spell(value, f"{path}.")
        if isinstance(value, list):
            return [self.spell(item, f"{path}[].") if isinstance(item, dict) else item for item in value]
        return _iso(value) if name in DURATIONS and isinstance(value, str) else value


def _tidy(document: dict[str, Any]) -> dict[str, Any]:
    """Settle what Azure's own tools wrote in more than one way."""
    _tidy_action(part(document, "action"))
    _tidy_action(part(document, "action", "errorAction"))
    _tidy_action(part(document, "maintenance", "cancel"))
    _tidy_recurrence(part(document, "recurrence"))
    return {name: value for name, value in document.items() if value != {}}


def _tidy_action(action: dict[str, Any]) -> None:
    request = part(action, "request")
    if "retryPolicy" in request:
        # The samples of 2018 nest it here, the model has it beside the request (reference §1.7).
        action.setdefault("retryPolicy", request.pop("retryPolicy"))
    if request.get("authentication") == {} or _type(part(request, "authentication")) == "notspecified":
        del request["authentication"]


def _type(document: Mapping[str, Any]) -> str:
    return str(document.get("type")).lower()


def _tidy_recurrence(recurrence: dict[str, Any]) -> None:
    if str(recurrence.get("endTime", "")).startswith(f"{_FOR_EVER}-"):
        del recurrence["endTime"]
    schedule = recurrence.get("schedule")
    if isinstance(schedule, dict):
        filled = {name: value for name, value in schedule.items() if value not in ([], {})}
        recurrence.pop("schedule")
        recurrence |= _given(schedule=filled)


def _runs_at_once(document: Mapping[str, Any], now: datetime) -> bool:
    if document.get("recurrence") or state_of(document) != "enabled":
        return False
    try:
        start = datetime.fromisoformat(str(document.get("startTime", now.isoformat())))
    except ValueError:
        return False
    return (start if start.tzinfo else start.replace(tzinfo=UTC)) <= now


def _iso(text: str) -> str:
    """Return a duration in ISO 8601; what is none stays, and the scheduler refuses it."""
    try:
        return format_iso(parse_duration(text))
    except ValueError:
        return text


def _without(document: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
