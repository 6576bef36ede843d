"""How long a start waits: between two attempts, and within a job's flexible window. Pure: the same for every replica.

What is spread is spread by hash, not by chance: a plan made again, after a crash or by another replica, gives the same
instants.
"""

import hashlib
from datetime import datetime, timedelta

from services.scheduler.domain.actions import ActionName, RetryKind, RetryPolicy
from shared.clock import to_milliseconds_precision

LONGEST_REQUEST = timedelta(hours=1)
"""A target's `Retry-After` counts up to here, or up to the policy's `maxInterval`: nobody may park a job for a year."""

_NONE = timedelta(0)
_BITS = 53
"""As many as a float keeps: with more the largest would round up to 1."""


def fraction(*seed: object) -> float:
    """Return a number from 0 up to, not including, 1; evenly spread over seeds, always the same for one seed."""
    digest = hashlib.blake2b("/".join(map(str, seed)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _BITS)) / (1 << _BITS)


def retry_delay(
    policy: RetryPolicy, number: int, occurrence_id: str, action: ActionName, asked: timedelta | None = None
) -> timedelta:
    """Return how long after an attempt's end the policy's retry `number`, from 1, comes.

    `asked` is the target's `Retry-After` (RFC 9110 §10.2.3): the retry comes no earlier, as far as `asked` is within
    reason, and never earlier than the policy says.
    """
    if policy.kind is RetryKind.EXPONENTIAL:
        share = fraction(occurrence_id, action.value, number)
        own = _exponential(policy, number, share)
        # What was turned away together must not come back together.
        wanted = _NONE if asked is None else min(min(asked, policy.longest) + share * policy.interval, policy.longest)
    else:
        own = policy.interval
        wanted = _NONE if asked is None else min(asked, LONGEST_REQUEST)
    return max(own, wanted)


def _exponential(policy: RetryPolicy, number: int, share: float) -> timedelta:
    """Return a delay between the doubled interval and twice that ("equal jitter"), up to the longest.

    The lower half stands still so that no retry comes at once or below the plan's floor, as it might under full jitter;
    the upper half spreads, also when every delay has reached the longest.
    """
    most = min(policy.interval * (1 << number), policy.longest)
    least = max(policy.interval, most / 2)
    return least + share * (most - least)


def start_within(window: timedelta, due: datetime, occurrence_id: str) -> datetime:
    """Return when an occurrence starts: at its own instant of the window that its due time opens."""
    if not window:
        return due
    return to_milliseconds_precision(due + fraction(occurrence_id, "window") * window)
