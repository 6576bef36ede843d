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
