"""Rules for texts that become part of a host name, an address, a header or a topic."""

import re

from services.scheduler.errors import InvalidInputError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_shape(text: str, field: str, pattern: re.Pattern[str], rule: str) -> None:
    """Raise InvalidInputError with the rule unless the whole text is of this shape."""
    if not pattern.fullmatch(text):
        raise InvalidInputError(field, rule)


def check_line(text: str | None, field: str, most: int) -> None:
    """Raise InvalidInputError for a given text that is empty, longer than `most`, or holds control characters."""
    if text is None:
        return
    if not 0 < len(text) <= most:
        raise InvalidInputError(field, f"has {len(text)} characters; 1 to {most} are allowed")
    if _CONTROL.search(text):
        raise InvalidInputError(field, "holds line breaks or control characters")


def need_line(text: str | None, field: str, most: int = 256) -> str:
    """Return a text that must be given. Raises InvalidInputError as `check_line` does."""
    if text is None:
        raise InvalidInputError(field, "is required")
    check_line(text, field, most)
    return text


def check_bytes(text: str, field: str, most: int, why: str) -> None:
    """Raise InvalidInputError for a text of more than `most` bytes in UTF-8."""
    size = len(text.encode())
    if size > most:
        raise InvalidInputError(field, f"has {size} bytes; at most {most} are allowed: {why}")
