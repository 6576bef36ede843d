"""The tables as queries see them; `migrations/` holds their definitions, and a test compares the two."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Integer,
    MetaData,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    text,
)

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.collections import CollectionDefinition, ResourceGroup
from services.scheduler.domain.decisions import DecisionRecord
from services.scheduler.domain.executions import HistoryStatus, OccurrenceState
from services.scheduler.domain.jobs import JobDefinition, JobState, LastRun
from services.scheduler.store.audit import Actor
from services.scheduler.store.records import (
    Approval,
    Cordon,
    DrainReport,
    EventRecord,
    Rehearsal,
)
from shared.clock import from_epoch_ms, to_epoch_ms

E = TypeVar("E", bound=StrEnum)
D = TypeVar("D")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Write milliseconds."""
        return None if value is None else to_epoch_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Read milliseconds."""
        return None if value is None else from_epoch_ms(value)


class Choice(TypeDecorator[E], Generic[E]):
    """A member of an enumeration, kept as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        """Remember which enumeration."""
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Write the plain value."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Read the member."""
        return None if value is None else self.kind(value)


class Document(TypeDecorator[D], Generic[D]):
    """A frozen struct, kept as JSON text; fields it lacks read as their defaults, so old rows stay readable."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[D]) -> None:
        """Prepare the decoder once."""
        super().__init__()
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def process_bind_param(self, value: D | None, dialect: Dialect) -> str | None:
        """Write JSON text."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> D | None:
        """Read JSON text."""
        return None if value is None else self._decoder.decode(value)

    def decode(self, text: str) -> D:
        """Return the struct in a text. Raises msgspec.DecodeError, or ValueError, for one that is none."""
        return self._decoder.decode(text)


metadata = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, metadata, *columns)


collections = _table(
    "collections",
    Column("id", BigInteger, primary_key=True),
    Column("subscription", Text),
    Column("resource_group", Text),
    Column("name", Text),
    Column("subscription_key", Text),
    Column("group_key", Text),
    Column("name_key", Text),
    Column("definition", Document(CollectionDefinition)),
    Column("created_at", Instant),
    Column("updated_at", Instant),
    Column("deleted_by", Document(Actor)),
    Column("has_policy", Boolean),
)

resource_groups = _table(
    "resource_groups",
    Column("subscription_key", Text, primary_key=True),
    Column("group_key", Text, primary_key=True),
    Column("body", Document(ResourceGroup)),
)

jobs = _table(
    "jobs",
    Column("id", BigInteger, primary_key=True),
    Column("collection_id", BigInteger),
    Column("uid", Text),
    Column("name", Text),
    Column("name_key", Text),
    Column("state", Choice(JobState)),
    Column("anchor", Instant),
    Column("next_due", Instant),
    Column("planned", Integer),
    Column("revision", Integer),
    Column("execution_count", Integer),
    Column("failure_count", Integer),
    Column("faulted_count", Integer),
    Column("last_execution_time", Instant),
    Column("gate_open", Boolean),
    Column("created_at", Instant),
    Column("updated_at", Instant),
    Column("sealed_under", Text),
    Column("pool", Text),
    Column("last_run", Choice(LastRun)),
    Column("home", Text),
)

definitions = _table(
    "definitions",
    Column("job_id", BigInteger, primary_key=True),
    Column("body", Document(JobDefinition)),
)

job_tags = _table(
    "job_tags",
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
)

occurrences = _table(
    "occurrences",
    Column("id", Text, primary_key=True),
    Column("job_id", BigInteger),
    Column("due", Instant),
    Column("fire_at", Instant),
    Column("state", Choice(OccurrenceState)),
    Column("owner", BigInteger),
    Column("action", Choice(ActionName)),
    Column("attempt", Integer),
    Column("retries", Integer),
    Column("ordinal", Integer),
    Column("manual", Boolean),
    Column("host", Text),
    Column("reason", Text),
    Column("held_under", Text),
)

history = _table(
    "history",
    Column("id", BigInteger, primary_key=True),
    Column("job_id", BigInteger),
    Column("occurrence_id", Text),
    Column("scheduled_time", Instant),
    Column("start_time", Instant),
    Column("end_time", Instant),
    Column("action_name", Choice(ActionName)),
    Column("status", Choice(HistoryStatus)),
    Column("attempt", Integer),
    Column("host", Text),
    Column("reason", Text),
    Column("message", Text),
    Column("retry_count", Integer),
    Column("repeat_count", Integer),
    Column("decision", Document(DecisionRecord)),
    Column("event_id", Text),
)

deleted_jobs = _table("deleted_jobs", Column("id", BigInteger, primary_key=True))

replicas = _table(
    "replicas",
    Column("fence", BigInteger, primary_key=True),
    Column("session", Text),
    Column("replica", Text),
    Column("lease_until", Instant),
    Column("process", Text),
    Column("guarded", Boolean),
    Column("lease_ms", BigInteger),
)

runs = _table("runs", Column("id", Text, primary_key=True), Column("asked_at", Instant))

events = _table(
    "events",
    Column("key", Text, primary_key=True),
    Column("first_seen_at", Instant),
    Column("active", Boolean),
    Column("body", Document(EventRecord)),
    Column("ended_at", Instant),
)

approvals = _table(
    "approvals",
    Column("event_key", Text, primary_key=True),
    Column("replica", Text),
    Column("taken_at", Instant),
    Column("body", Document(Approval)),
)

drain_reports = _table(
    "drain_reports",
    Column("event_key", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("body", Document(DrainReport)),
)

cordons = _table("cordons", Column("host", Text, primary_key=True), Column("body", Document(Cordon)))

rehearsals = _table(
    "rehearsals",
    Column("event_key", Text, primary_key=True),
    Column("ends_at", Instant),
    Column("body", Document(Rehearsal)),
)

audit = _table(
    "audit",
    Column("id", BigInteger, primary_key=True),
    Column("at", Instant),
    Column("caller", Text),
    Column("request_id", Text),
    Column("address", Text),
    Column("action", Text),
    Column("subscription", Text),
    Column("resource_group", Text),
    Column("collection", Text),
    Column("job", Text),
    Column("host", Text),
    Column("subscription_key", Text),
    Column("group_key", Text),
    Column("collection_key", Text),
    Column("job_key", Text),
    Column("before", Text),
    Column("after", Text),
    Column("secrets", Text),
)

schema_version = _table("schema_version", Column("version", Integer, primary_key=True), Column("applied_at", Instant))

CLAIMABLE: TextClause = text("jobs.next_due IS NOT NULL AND jobs.state = 'enabled' AND jobs.gate_open")
ENDED: TextClause = text("jobs.state IN ('completed', 'faulted')")
READY: TextClause = text("occurrences.state = 'ready'")
HELD: TextClause = text("occurrences.state = 'held'")
OWNED: TextClause = text("occurrences.owner IS NOT NULL")
ACTIVE: TextClause = text("events.active")
OVER: TextClause = text("events.ended_at IS NOT NULL")
HOMED: TextClause = text("jobs.home IS NOT NULL")
OF_EVENT: TextClause = text("history.event_id IS NOT NULL")
SEALED: TextClause = text("sealed_under IS NOT NULL")
"""The conditions of the partial indexes, word for word: SQLite uses such an index only for the same literal words."""
