"""What callers change, told to the log and counted as it is committed; the audit log alone holds the documents."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.scheduler.domain.acts import Act
from services.scheduler.metrics import Metrics
from services.scheduler.store.audit import Actor, AuditEntry, Subject
from shared.logs import get_logger

_AT_ONCE = 100
"""Jobs in one line: ten thousand of a batch must not become as many lines, nor one that nobody can ship."""
_log = get_logger(__name__)


class Changes:
    """Follows the store's entries."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def follow(self, entries: Sequence[AuditEntry]) -> None:
        """Log and count what one transaction has changed: a line a change, or for many jobs at once a line for many."""
        for (actor, act, place), jobs in _together(entries).items():
            self._metrics.changes.labels(act.value).inc(len(jobs) or 1)
            for names in _parts(jobs):
                _log.info("change", **_fields(actor, act, place), **names)


def _together(entries: Sequence[AuditEntry]) -> dict[tuple[Actor, Act, Subject], list[str]]:
    """Return by what they have in common the jobs of entries, in order."""
    groups: dict[tuple[Actor, Act, Subject], list[str]] = defaultdict(list)
    for entry in entries:
        subject = entry.subject
        place = Subject(namespace=subject.namespace, collection=subject.collection, host=subject.host)
        names = groups[entry.actor, entry.act, place]
        if subject.job is not None:
            names.append(subject.job)
    return groups


def _parts(jobs: Sequence[str]) -> Iterator[dict[str, object]]:
    if not jobs:
        yield {}
    elif len(jobs) == 1:
        yield {"job": jobs[0]}
    else:
        for start in range(0, len(jobs), _AT_ONCE):
            yield {"jobs": list(jobs[start : start + _AT_ONCE])}


def _fields(actor: Actor, act: Act, place: Subject) -> dict[str, str]:
    fields = {
        "caller": actor.caller,
        "action": act.value,
        "subscription": None if place.namespace is None else place.namespace.subscription,
        "resource_group": None if place.namespace is None else place.namespace.resource_group,
        "collection": place.collection,
        "host": place.host,
        "request_id": actor.request_id,
        "address": actor.address,
    }
    return {name: text for name, text in fields.items() if text is not None}
