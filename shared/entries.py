"""What files with one entry a line have in common: comments between them, and times in them."""

from datetime import UTC, datetime


def is_entry(line: str) -> bool:
    """Whether a line is more than a comment or blank."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def read_time(text: str) -> datetime:
    """Read an instant with its offset; raises ValueError that says what to write."""
    refusal = ValueError("write the time as 2027-01-31T00:00:00Z")
    try:
        instant = datetime.fromisoformat(text)
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refusal from None
    if instant.tzinfo is None:
        raise refusal
    return in_utc


def write_time(instant: datetime) -> str:
    """Return an instant as `read_time` takes it, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
