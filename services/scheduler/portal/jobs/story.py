"""A job's history told once: attempts under their occurrence, each with what was decided and what came of it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.scheduler.api.schemas.decisions import DecisionDocument, decision_document
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, OccurrenceId
from services.scheduler.domain.hosts import MANUAL
from services.scheduler.portal.lengths import length_words

RAN = frozenset({HistoryStatus.COMPLETED, HistoryStatus.FAILED})
"""Rows of attempts; the others say why an occurrence did not run."""
_CORDON = "cordon"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One row: an attempt, or a decision not to run.

    `key` names it among all rows by what is the job's own: how many rows others have is nobody's business.
    `took` and `message` are empty where nothing ran; `event` is an event's id where there is a page about it.
    """

    key: str
    at: datetime
    attempt: int
    is_error_action: bool
    status: HistoryStatus
    decision: DecisionDocument
    took: str
    message: str
    event: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence with what became of it, the newest first."""

    key: str
    due: datetime
    steps: tuple[Step, ...]


def tell(rows: Sequence[HistoryRow]) -> tuple[Told, ...]:
    """Return rows, which are newest first, by occurrence: first the one that something happened to last."""
    steps: dict[OccurrenceId, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        steps[row.occurrence_id].append(row)
    return tuple(
        Told(key=occurrence, due=its[0].scheduled_time, steps=tuple(map(_step, its)))
        for occurrence, its in steps.items()
    )


def _step(row: HistoryRow) -> Step:
    decision, has_run = decision_document(row), row.status in RAN
    return Step(
        key=f"{row.occurrence_id}-{row.attempt}",
        at=row.start_time,
        attempt=row.attempt,
        is_error_action=row.action_name is ActionName.ERROR,
        status=row.status,
        decision=decision,
        took=length_words(row.end_time - row.start_time) if has_run else "",
        message=row.message if has_run else "",
        event=_event(decision),
    )


def _event(decision: DecisionDocument) -> str:
    """Return the id of the event behind a decision; nothing for a cordon, which no page is about but its host's."""
    event = decision.event
    if event is None or event.event_id == _CORDON or event.type == MANUAL:
        return ""
    return event.event_id
