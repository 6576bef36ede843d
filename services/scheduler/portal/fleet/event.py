"""One event's page: its story, its hosts, and what it did to which jobs."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import EventDocument
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.explanations import decision_of, explain
from services.scheduler.portal.fleet.chronicle import Happening, chronicle
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.ports import Replica
from services.scheduler.store.records import Recent
from shared.messages import Block
from shared.topics import HostKey

ROWS_LOOKED_AT = 1_000
"""Of what the event did to jobs, the newest rows."""
JOBS_SHOWN = 100


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """What an event did to one job: how often what was decided, how those that ran ended, and why the last time."""

    group: str
    collection: str
    job: str
    decided: tuple[tuple[Verdict, int], ...]
    ended: tuple[tuple[HistoryStatus, int], ...]
    last: datetime
    why: str


class EventPageView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page at one moment. `hidden` counts jobs that are not listed, `is_cut`: earlier rows were left out."""

    event: EventDocument
    story: tuple[Happening, ...]
    blocks: tuple[tuple[str, str, Block], ...]
    touched: tuple[Touched, ...]
    totals: tuple[tuple[Verdict, int], ...]
    hidden: int
    is_cut: bool
    document: str


class EventPage:
    """One event's page."""

    def __init__(self, services: Services, replica: Replica) -> None:
        self._services = services
        self._replica = replica

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises NotFoundError and StoreUnavailableError."""
        store, sight = self._services.store, sight_of(request, self._services.store)
        record = await store.get_event(request.match_info["event"])
        rows = await store.touched(record.event_id, limit=ROWS_LOOKED_AT, within=await sight.within())
        event, touched = sight.event(record), by_job(rows)
        view = EventPageView(
            event=event,
            story=chronicle(event),
            blocks=tuple(self._blocks(record.hosts)),
            touched=tuple(touched[:JOBS_SHOWN]),
            totals=tuple(Counter(decision_of(one.row).verdict for one in rows).most_common()),
            hidden=max(len(touched) - JOBS_SHOWN, 0),
            is_cut=len(rows) == ROWS_LOOKED_AT,
            document=msgspec.json.format(msgspec.json.encode(to_builtins(event)), indent=2).decode(),
        )
        title = f"{event.type} of {', '.join(event.resources)}"
        return Content(title=title, section=Section.EVENTS, template="event.html", view=view)

    def _blocks(self, hosts: Iterable[str]) -> Iterable[tuple[str, str, Block]]:
        for host in hosts:
            for name, block in self._replica.watched(HostKey(host)).blocks.items():
                yield host, name, block


def by_job(rows: Iterable[Recent]) -> list[Touched]:
    """Return rows, the newest first, grouped by job; the job that was touched last comes first."""
    groups: dict[tuple[str, str, str], list[Recent]] = {}
    for one in rows:
        groups.setdefault((one.group, one.collection, one.job), []).append(one)
    return [_touched(*names, found) for names, found in groups.items()]


def _touched(group: str, collection: str, job: str, found: list[Recent]) -> Touched:
    rows = [one.row for one in found]
    ran = (row.status for row in rows if row.status in (HistoryStatus.COMPLETED, HistoryStatus.FAILED))
    return Touched(
        group=group,
        collection=collection,
        job=job,
        decided=tuple(Counter(decision_of(row).verdict for row in rows).most_common()),
        ended=tuple(Counter(ran).most_common()),
        last=rows[0].end_time,
        why=explain(rows[0]),
    )
