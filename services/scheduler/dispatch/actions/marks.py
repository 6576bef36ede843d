"""What Leeward tells every target beside the message itself, so that it can drop repeats (DESIGN §4)."""

from collections.abc import Mapping

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.trace_context import traceparent

CANCEL = "x-leeward-cancel"
"""Asks to end what an earlier request of the same occurrence and attempt began."""


def marks(job: Job, occurrence: Occurrence, host: HostView | None) -> dict[str, str]:
    """Return the names and values that identify an attempt, or ask to end it; not all values need be ASCII."""
    told = {
        "webhook-id": occurrence.id,
        "x-leeward-attempt": str(occurrence.attempt),
        "x-leeward-scheduled-time": scheduled_time(occurrence),
        "x-leeward-job": f"{job.collection}/{job.name}",
        "traceparent": traceparent(occurrence),
    }
    if host is not None:
        told["x-leeward-host"] = host.name
    if occurrence.action is ActionName.CANCEL:
        told[CANCEL] = "true"
    return told


def beside(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a job's own properties without those that could be taken for the marks `own`."""
    return {name: value for name, value in given.items() if name.lower() not in own and name.lower() != CANCEL}


def scheduled_time(occurrence: Occurrence) -> str:
    """Return when an occurrence is due: RFC 3339, UTC, milliseconds."""
    return occurrence.due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
