"""Cases: how far this host is with each event that hits it, and where to go on after a restart. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from services.vmwatch.documents import SCHEDULED, STARTED
from shared.messages import Event

DEADLINE_CAME: Final = "the deadline came first"
BEGAN_EARLY: Final = "the event began first"
NOT_EMPTIED: Final = "the scheduler did not empty the host in time"


class Stage(StrEnum):
    """How far the host is with an event.

    PREPARING: responders are at work. READY: all are done. DRAINED: they were told that the scheduler's jobs have left,
    too. FAILED: one failed, or the deadline came first. OVER: the event is gone, and the host goes back to work.
    """

    PREPARING = "preparing"
    READY = "ready"
    DRAINED = "drained"
    FAILED = "failed"
    OVER = "over"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One event, how far the host is with it, and who has to do with it; `why` it failed."""

    event: Event
    stage: Stage
    responders: tuple[str, ...]
    why: str = ""

    @property
    def holds_back(self) -> bool:
        """Whether approvals have to wait."""
        return self.stage in (Stage.PREPARING, Stage.FAILED)

    @property
    def reason(self) -> str:
        """Why approvals have to wait, for people."""
        if self.stage is Stage.FAILED:
            return f"not ready for {name_of(self.event)}: {self.why}"
        return f"{', '.join(self.responders)} at work for {name_of(self.event)}"


def name_of(event: Event) -> str:
    """Return type and id, for people."""
    return f"{event.type} {event.event_id}"


def united(case: Case, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the case's responders, and then those that are new."""
    return (*case.responders, *(name for name in names if name not in case.responders))


def joined(faults: Mapping[str, str]) -> str:
    """Return the faults of several responders as one sentence."""
    return "; ".join(f"{name}: {why}" for name, why in faults.items())


def began(before: Event, now: Event) -> bool:
    """Whether an event has started since."""
    return now.status == STARTED != before.status


def taken_up(kept: Case, event: Event, wanted: tuple[str, ...], now: datetime) -> Case:
    """Return where to go on with a case of the watcher's last life; `wanted` are the responders it concerns.

    What was done is not done again. What was under way is, unless the event began meanwhile. What failed is tried again
    while there is time: somebody may have mended it.
    """
    case = msgspec.structs.replace(kept, event=event, responders=united(kept, wanted))
    afresh = msgspec.structs.replace(case, stage=Stage.PREPARING, why="")
    if kept.stage is Stage.OVER or kept.event.type != event.type or set(wanted) - set(kept.responders):
        return afresh
    if kept.stage is Stage.PREPARING and began(kept.event, event):
        return msgspec.structs.replace(case, stage=Stage.FAILED, why=BEGAN_EARLY)
    in_time = event.status == SCHEDULED and (event.not_before is None or now < event.not_before)
    if kept.stage is Stage.PREPARING or (kept.stage is Stage.FAILED and in_time):
        return afresh
    return case
