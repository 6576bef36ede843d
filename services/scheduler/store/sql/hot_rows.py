"""Occurrences, history and collections as the hot path writes and reads them: plain values, in column order."""

import msgspec

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.collections import Collection, CollectionDefinition, Namespace
from services.scheduler.domain.executions import HistoryRow, Occurrence, OccurrenceState
from services.scheduler.store.sql.driver import Raw
from shared.clock import from_epoch_ms, to_epoch_ms

OCCURRENCE = (
    "id",
    "job_id",
    "due",
    "fire_at",
    "state",
    "action",
    "attempt",
    "retries",
    "ordinal",
    "manual",
    "host",
    "reason",
    "held_under",
)
OWNED_OCCURRENCE = (*OCCURRENCE, "owner")
HISTORY = (
    "job_id",
    "occurrence_id",
    "scheduled_time",
    "start_time",
    "end_time",
    "action_name",
    "status",
    "attempt",
    "host",
    "reason",
    "message",
    "retry_count",
    "repeat_count",
    "decision",
    "event_id",
)
COLLECTION = ("id", "subscription", "resource_group", "name", "definition", "created_at", "updated_at")
_ENCODER = msgspec.json.Encoder()
_DEFINITIONS = msgspec.json.Decoder(CollectionDefinition)
_STATES = {state.value: state for state in OccurrenceState}
_ACTIONS = {action.value: action for action in ActionName}


def occurrence_of(row: Raw) -> Occurrence:
    """Read a row of OCCURRENCE."""
    return Occurrence(
        id=row[0],
        job_id=row[1],
        due=from_epoch_ms(row[2]),
        fire_at=from_epoch_ms(row[3]),
        state=_STATES[row[4]],
        action=_ACTIONS[row[5]],
        attempt=row[6],
        retries=row[7],
        ordinal=row[8],
        manual=bool(row[9]),
        host=row[10],
        reason=row[11],
        held_under=row[12],
    )


def owned_occurrence(occurrence: Occurrence, owner: int | None) -> Raw:
    """Return a row of OWNED_OCCURRENCE."""
    return (
        occurrence.id,
        occurrence.job_id,
        to_epoch_ms(occurrence.due),
        to_epoch_ms(occurrence.fire_at),
        occurrence.state.value,
        occurrence.action.value,
        occurrence.attempt,
        occurrence.retries,
        occurrence.ordinal,
        occurrence.manual,
        occurrence.host,
        occurrence.reason,
        occurrence.held_under,
        owner,
    )


def history_line(row: HistoryRow) -> Raw:
    """Return a row of HISTORY; the id is the database's to give."""
    return (
        row.job_id,
        row.occurrence_id,
        to_epoch_ms(row.scheduled_time),
        to_epoch_ms(row.start_time),
        to_epoch_ms(row.end_time),
        row.action_name.value,
        row.status.value,
        row.attempt,
        row.host,
        row.reason,
        row.message,
        row.retry_count,
        row.repeat_count,
        None if row.decision is None else _ENCODER.encode(row.decision).decode(),
        None if row.decision is None else row.decision.event_id,
    )


def collection_of(row: Raw) -> Collection:
    """Read a row of COLLECTION."""
    return Collection(
        id=row[0],
        namespace=Namespace(row[1], row[2]),
        name=row[3],
        definition=_DEFINITIONS.decode(row[4]),
        created_at=from_epoch_ms(row[5]),
        updated_at=from_epoch_ms(row[6]),
    )
