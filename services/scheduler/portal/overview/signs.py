"""The signs of the weather: what each stands for, in words for the legend and for those who do not see them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from services.scheduler.domain.decisions import Cause, Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.portal.overview.forecast import Fate
from services.scheduler.store.search import Mark


class Sign(StrEnum):
    """One sign; each has a shape of its own."""

    SUCCEEDED = "succeeded"
    MOVED = "moved"
    FAILED = "failed"
    HELD = "held"
    LEFT = "left"
    SKIPPED = "skipped"
    MISSED = "missed"
    COMING = "coming"
    WAITING = "waiting"
    LEAVING = "leaving"
    ENDING = "ending"
    DRAINED = "drained"
    APPROVED = "approved"
    NOT_BEFORE = "not-before"


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A sign at `x` percent of a row."""

    sign: Sign
    x: float
    title: str


LEGEND = {
    Sign.SUCCEEDED: "succeeded",
    Sign.MOVED: "succeeded, but moved here or held before",
    Sign.FAILED: "failed",
    Sign.HELD: "held",
    Sign.LEFT: "moved away: would have run here",
    Sign.SKIPPED: "skipped",
    Sign.MISSED: "missed",
    Sign.COMING: "to come",
    Sign.WAITING: "to come, will be held",
    Sign.LEAVING: "to come, will move away",
    Sign.ENDING: "to come, host lost: will be missed",
    Sign.NOT_BEFORE: "NotBefore: no earlier, unless approved",
    Sign.DRAINED: "drained",
    Sign.APPROVED: "approved",
}
"""What the signs stand for, in the legend's order."""
QUIET = frozenset({Sign.SUCCEEDED, Sign.COMING})
"""So common and so little news that a row draws all of them as one shape."""
NEWS = frozenset({Sign.FAILED, Sign.HELD, Sign.LEFT, Sign.MISSED, Sign.WAITING, Sign.LEAVING, Sign.ENDING, Sign.MOVED})
"""What brings a row to the top."""

_OF_STATUS = {
    HistoryStatus.COMPLETED: Sign.SUCCEEDED,
    HistoryStatus.FAILED: Sign.FAILED,
    HistoryStatus.POSTPONED: Sign.HELD,
    HistoryStatus.SKIPPED: Sign.SKIPPED,
    HistoryStatus.MISSED: Sign.MISSED,
}
OF_FATE = {
    Fate.RUNS: Sign.COMING,
    Fate.WAITS: Sign.WAITING,
    Fate.LEAVES: Sign.LEAVING,
    Fate.ENDS: Sign.ENDING,
}
_COUNTED = {
    Sign.SUCCEEDED: "succeeded",
    Sign.MOVED: "moved here or held before",
    Sign.FAILED: "failed",
    Sign.HELD: "held",
    Sign.LEFT: "moved away",
    Sign.SKIPPED: "skipped",
    Sign.MISSED: "missed",
    Sign.COMING: "to come",
    Sign.WAITING: "to come and to be held",
    Sign.LEAVING: "to come and to move away",
    Sign.ENDING: "to come and to be missed",
}


def sign_of(mark: Mark) -> Sign:
    """Return how a history row is drawn where it ran, or where it waits."""
    sign = _OF_STATUS[mark.status]
    decision = mark.decision
    if sign is Sign.SUCCEEDED and decision is not None:
        is_moved = decision.verdict is Verdict.REROUTED or decision.held_for is not None
        return Sign.MOVED if is_moved else sign
    return sign


def remark_of(mark: Mark) -> str:
    """Return what is to be said of a row besides its sign: where it came from, and because of what."""
    decision = mark.decision
    if decision is None:
        return ""
    what = "a cordon" if decision.cause is Cause.CORDON else decision.event_type
    because = f", because of {what}" if what else ""
    if decision.verdict is Verdict.REROUTED:
        return f", moved from {decision.away_from}{because}"
    return f", held for {decision.held_for} before" if decision.held_for is not None else because


def count_words(counts: Mapping[Sign, int]) -> str:
    """Return how many there are of each sign: `12 succeeded, 1 failed, 3 to come`; empty when there are none."""
    return ", ".join(f"{counts[sign]:,} {words}" for sign, words in _COUNTED.items() if counts.get(sign))


def clock_words(at: datetime) -> str:
    """Return an instant of the window for people."""
    return f"{at:%H:%M:%S} UTC"
