"""What a job does when it is due: one call, its retries, and another call when all of them failed."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from services.scheduler.domain.choices import CaseInsensitive


class Scheme(CaseInsensitive):
    """Action types of the HTTP family; the URI decides what is spoken."""

    HTTP = "Http"
    HTTPS = "Https"


DEFAULT_MAX_INTERVAL = timedelta(hours=1)


class RetryKind(CaseInsensitive):
    """How a failed attempt is repeated."""

    NONE = "None"
    FIXED = "Fixed"
    EXPONENTIAL = "Exponential"


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Repeat a failed attempt up to `count` times, `interval` apart. Defaults: reference azure-scheduler §2.5.

    EXPONENTIAL doubles the interval each time, with jitter (`delays`), up to `max_interval`; None: not given.
    """

    kind: RetryKind = RetryKind.FIXED
    interval: timedelta = timedelta(seconds=30)
    count: int = 4
    max_interval: timedelta | None = None

    @property
    def retries(self) -> int:
        """How often a failed attempt may be repeated; 0 for NONE."""
        return 0 if self.kind is RetryKind.NONE else self.count

    @property
    def longest(self) -> timedelta:
        """How far apart EXPONENTIAL retries get: an hour, or the interval if that is longer, unless it was given."""
        return max(DEFAULT_MAX_INTERVAL, self.interval) if self.max_interval is None else self.max_interval


class HttpCall(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """One HTTP request; `uri`, header values and `body` may contain `{host}` and `{hostname}`.

    `written` is the action's type as the caller spelled it: replies echo it (reference azure-scheduler §0.3).
    """

    scheme: Scheme = Scheme.HTTP
    written: str = ""
    method: str
    uri: str
    headers: dict[str, str] = {}
    body: str | None = None


Call = HttpCall
"""Every protocol's call; a tagged union once there is a second one."""


class ErrorAction(msgspec.Struct, frozen=True, kw_only=True):
    """What runs when the main action and its retries failed; it has retries of its own."""

    call: Call
    retry_policy: RetryPolicy = RetryPolicy()


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A job's main action. `retry_policy_given` keeps whether the caller wrote one, for faithful replies."""

    call: Call
    retry_policy: RetryPolicy = RetryPolicy()
    retry_policy_given: bool = False
    error_action: ErrorAction | None = None


class ActionName(StrEnum):
    """Which of a job's actions an attempt belongs to, as history shows it."""

    MAIN = "MainAction"
    ERROR = "ErrorAction"
