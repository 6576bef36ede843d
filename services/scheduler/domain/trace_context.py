"""W3C Trace Context: one trace for an occurrence, one span for an attempt, both derived so that repeats relate."""

import hashlib

from services.scheduler.domain.executions import Occurrence


def traceparent(occurrence: Occurrence) -> str:
    """Return the header value that an attempt carries (https://www.w3.org/TR/trace-context/#traceparent-header)."""
    return f"00-{trace_id(occurrence)}-{call_span_id(occurrence)}-01"


def trace_id(occurrence: Occurrence) -> str:
    """Return 32 hexadecimal digits: the occurrence's id, a UUID."""
    return occurrence.id.replace("-", "")


def call_span_id(occurrence: Occurrence) -> str:
    """Return the 16 hexadecimal digits of the span that is this attempt's call."""
    return span_id(f"{occurrence.id}/{occurrence.attempt}/{occurrence.action}")


def span_id(name: str) -> str:
    """Return 16 hexadecimal digits for a name; the same on every replica."""
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def occurrence_span_id(occurrence: Occurrence) -> str:
    """Return the span of an occurrence as a whole, the root of its trace."""
    return span_id(occurrence.id)


def dispatch_span_id(occurrence: Occurrence) -> str:
    """Return the span of one attempt, from its instant to its outcome."""
    return span_id(f"{occurrence.id}/{occurrence.attempt}/{occurrence.action}/dispatch")


def decision_span_id(occurrence: Occurrence) -> str:
    """Return the span of the decision where an attempt runs, or that it waits."""
    return span_id(f"{occurrence.id}/{occurrence.attempt}/{occurrence.action}/decision")


def event_trace_id(event_id: str) -> str:
    """Return the trace of an event; its decisions link to it."""
    return hashlib.blake2b(event_id.upper().encode(), digest_size=16).hexdigest()


def event_span_id(event_id: str) -> str:
    """Return the span of an event, from first sight to its end."""
    return span_id(event_id.upper())
