"""The audit log in memory."""

from datetime import datetime
from itertools import islice

from services.scheduler.store.audit import AuditEntry, AuditFilter, Follower
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import name_key


class AuditVerbs:
    """The verbs about the audit log."""

    _state: State

    def follow_changes(self, follower: Follower) -> None:
        """See the port."""
        self._state.followers.append(follower)

    async def list_audit(self, wanted: AuditFilter, *, top: int, skip: int) -> list[AuditEntry]:
        """See the port."""
        newest = (self._state.audit[number] for number in sorted(self._state.audit, reverse=True))
        return list(islice((entry for entry in newest if _is_wanted(entry, wanted)), skip, skip + top))

    async def prune_audit(self, *, older_than: datetime, limit: int) -> int:
        """See the port."""
        old = sorted((entry.actor.at, entry.id) for entry in self._state.audit.values())
        doomed = [number for at, number in old if at < older_than][:limit]
        for number in doomed:
            del self._state.audit[number]
        return len(doomed)


def _is_wanted(entry: AuditEntry, wanted: AuditFilter) -> bool:
    subject, actor = entry.subject, entry.actor
    place = subject.namespace
    pairs = (
        (wanted.subscription, None if place is None else place.subscription),
        (wanted.resource_group, None if place is None else place.resource_group),
        (wanted.collection, subject.collection),
        (wanted.job, subject.job),
        (wanted.host, subject.host),
    )
    return (
        all(name is None or (found is not None and name_key(found) == name_key(name)) for name, found in pairs)
        and wanted.caller in (None, actor.caller)
        and wanted.act in (None, entry.act)
        and (wanted.since is None or actor.at >= wanted.since)
        and (wanted.until is None or actor.at < wanted.until)
        and _is_within(entry, wanted)
    )


def _is_within(entry: AuditEntry, wanted: AuditFilter) -> bool:
    place, collection = entry.subject.namespace, entry.subject.collection
    if wanted.scopes is None:
        return True
    return place is not None and collection is not None and any(one.covers(place, collection) for one in wanted.scopes)
