"""What the audit log keeps: who changed what, when, from where, and how it stood before and after.

What is kept of a job is what its caller decided: its state and definition, sealed secrets emptied. What dispatch does
to a job (completed, faulted, deleted when its time is over) is no caller's change; history tells it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from services.scheduler.domain.acts import Act
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import CollectionDefinition, Namespace
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobDefinition, JobState


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for a change, by which request, from which address (the connection's other end), and when."""

    caller: str
    request_id: str
    address: str | None
    at: datetime


class Change(msgspec.Struct, frozen=True):
    """A write as the audit log tells it: whose it is, and what it is called where it replaces something."""

    actor: Actor
    act: Act


class JobImage(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """What callers have decided about a job. Its own state: what a closed gate makes of it is the collection's."""

    state: JobState
    definition: JobDefinition


class CollectionImage(msgspec.Struct, frozen=True, kw_only=True, tag="collection"):
    """What callers have decided about a collection."""

    definition: CollectionDefinition


class GroupImage(msgspec.Struct, frozen=True, kw_only=True, tag="group"):
    """What callers have decided about a resource group."""

    location: str
    tags: dict[str, str]


class CordonImage(msgspec.Struct, frozen=True, kw_only=True, tag="cordon"):
    """A cordon by hand: why, whose and since when it is, and when it ends by itself."""

    reason: str
    by: str
    since: datetime
    until: datetime | None = None


class RunImage(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """The occurrence that a caller asked for."""

    occurrence_id: OccurrenceId


class RehearsalImage(msgspec.Struct, frozen=True, kw_only=True, tag="rehearsal"):
    """A rehearsal as it was announced, and when it was called off, if it was."""

    event_id: str
    event_type: str
    hosts: tuple[str, ...]
    not_before: datetime | None
    duration_seconds: int | None
    description: str
    by: str
    cancelled_at: datetime | None = None


Image = JobImage | CollectionImage | GroupImage | CordonImage | RunImage | RehearsalImage


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed: a group, a collection or a job in its namespace, or a host (key)."""

    namespace: Namespace | None = None
    collection: str | None = None
    job: str | None = None
    host: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `before` is None for what is new, `after` for what is gone; `id` is the store's to give and rises.

    `secrets` are the paths of the secrets that were given, given anew or taken away.
    """

    id: int = 0
    actor: Actor
    act: Act
    subject: Subject
    before: Image | None = None
    after: Image | None = None
    secrets: tuple[str, ...] = ()


Follower = Callable[[Sequence[AuditEntry]], None]
"""Is told, in order, of what one transaction has changed, once it is committed. It must not raise."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are meant: those for which all that is set holds; names are compared without case.

    `since` is the first instant, `until` the first one no more. `scopes`: of these collections alone, none of hosts and
    groups.
    """

    subscription: str | None = None
    resource_group: str | None = None
    collection: str | None = None
    job: str | None = None
    host: str | None = None
    caller: str | None = None
    act: Act | None = None
    since: datetime | None = None
    until: datetime | None = None
    scopes: tuple[Scope, ...] | None = None
