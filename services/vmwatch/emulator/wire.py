"""The Scheduled Events document as the emulator serves it: what each api-version shows and how (reference §1.2-1.3)."""

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from services.vmwatch.documents import STARTED, UNDERSCORE_VERSION
from services.vmwatch.emulator.events import RehearsedEvent
from services.vmwatch.emulator.kinds import kind_of

EVENT_VERSIONS: Final = (
    "2017-03-01",
    "2017-08-01",
    "2017-11-01",
    "2019-01-01",
    "2019-04-01",
    "2019-08-01",
    "2020-07-01",
)
_DESCRIPTION_SINCE: Final = "2019-04-01"
_SOURCE_SINCE: Final = "2019-08-01"
_DURATION_SINCE: Final = "2020-07-01"


def render_events(incarnation: int, events: Iterable[RehearsedEvent], version: str) -> dict[str, Any]:
    """Return the Scheduled Events document as `version` shows it."""
    visible = (event for event in events if kind_of(event.type).since <= version)
    return {"DocumentIncarnation": incarnation, "Events": [_render_event(event, version) for event in visible]}


def _render_event(event: RehearsedEvent, version: str) -> dict[str, Any]:
    underscore = "_" if version == UNDERSCORE_VERSION else ""
    shown: dict[str, Any] = {
        "EventId": event.id,
        "EventStatus": event.status,
        "EventType": event.type,
        "ResourceType": "VirtualMachine",
        "Resources": [f"{underscore}{resource}" for resource in event.resources],
        "NotBefore": "" if event.status == STARTED else _rfc_1123(event.not_before),
    }
    if version >= _DESCRIPTION_SINCE:
        shown["Description"] = event.description
    if version >= _SOURCE_SINCE:
        shown["EventSource"] = event.source
    if version >= _DURATION_SINCE:
        shown["DurationInSeconds"] = event.duration_seconds
    return shown


def _rfc_1123(instant: datetime) -> str:
    return format_datetime(instant.replace(microsecond=0), usegmt=True)
