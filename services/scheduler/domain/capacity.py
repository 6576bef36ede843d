"""How many executions a host may have at a time, and how replicas share that out among themselves. Pure."""

from collections.abc import Mapping, Sequence

CAPACITY_TAG = "leeward-capacity"
"""The Azure tag of a VM that says how many executions it may have at a time, over all replicas."""


def share_of(capacity: int, sessions: Sequence[str], own: str) -> int:
    """Return how many of a host's executions are this session's to start, of all that are registered.

    The longest registered come first and get what does not divide, so that all together have exactly the capacity. A
    session that is not registered (any more) has nothing to start.
    """
    if own not in sessions:
        return 0
    each, remainder = divmod(capacity, len(sessions))
    return each + (sessions.index(own) < remainder)


def tagged_capacity(tags: Mapping[str, str]) -> int | None:
    """Return what a VM's tags say; None: nothing. Raises ValueError for what is no positive whole number.

    Azure compares the names of tags without case.
    """
    text = next((value.strip() for name, value in tags.items() if name.lower() == CAPACITY_TAG), None)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text)):
        raise ValueError(f"tag {CAPACITY_TAG}={text!r}: use a positive whole number")
    return int(text)


_DIGITS = 9
