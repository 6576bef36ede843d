"""What Leeward tells every target beside the message itself, so that it can drop repeats (DESIGN §4)."""

from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.trace_context import traceparent


def marks(job: Job, occurrence: Occurrence, host: HostView | None) -> dict[str, str]:
    """Return the names and values that identify an attempt; not all values need be ASCII."""
    told = {
        "webhook-id": occurrence.id,
        "x-leeward-attempt": str(occurrence.attempt),
        "x-leeward-scheduled-time": scheduled_time(occurrence),
        "x-leeward-job": f"{job.collection}/{job.name}",
        "traceparent": traceparent(occurrence),
    }
    return told if host is None else {**told, "x-leeward-host": host.name}


def scheduled_time(occurrence: Occurrence) -> str:
    """Return when an occurrence is due: RFC 3339, UTC, milliseconds."""
    return occurrence.due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
