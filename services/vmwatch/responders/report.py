"""What programs outside are told of an errand: one JSON document, and the same as plain fields."""

from datetime import datetime

import msgspec

from services.vmwatch.responder_settings import Phase
from services.vmwatch.responders.base import Errand
from shared.messages import DrainState, Event


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the command responder gives on stdin, and the webhook responder as `data`; `others` are ids of events."""

    phase: Phase
    host: str
    computer_name: str
    event: Event
    deadline: datetime | None
    drain: DrainState | None
    others: tuple[str, ...]
    why: str


def report_of(errand: Errand, phase: Phase, why: str = "") -> Report:
    """Return what is told of an errand at one phase; `why` it failed."""
    return Report(
        phase=phase,
        host=errand.host,
        computer_name=errand.computer_name,
        event=errand.event,
        deadline=errand.deadline,
        drain=errand.drain,
        others=tuple(each.event_id for each in errand.others),
        why=why,
    )


def fields_of(report: Report) -> dict[str, str]:
    """Return the fields that templates can name, as texts; times are RFC 3339, several values have commas between."""
    event = report.event
    return {
        "phase": report.phase,
        "why": report.why,
        "host": report.host,
        "computerName": report.computer_name,
        "deadline": _time(report.deadline),
        "drain": report.drain or "",
        "event.id": event.event_id,
        "event.type": event.type,
        "event.status": event.status,
        "event.source": event.source,
        "event.description": event.description,
        "event.resources": ",".join(event.resources),
        "event.notBefore": _time(event.not_before),
        "event.durationSeconds": "" if event.duration_seconds is None else str(event.duration_seconds),
    }


def _time(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat().replace("+00:00", "Z")
