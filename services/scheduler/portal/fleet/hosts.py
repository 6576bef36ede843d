"""The list of hosts: worst first, searched and narrowed, a page at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import HostDocument
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.hosts import MANUAL, HostCondition, HostReport, HostView, Threat
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.portal.asking import Taken, choice_of, taken, text_of
from services.scheduler.portal.fleet.steering import LENGTHS
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.paging import ROWS, Pager, pager, query_with, read_number, skipped
from shared.messages import Presence
from shared.topics import host_key

FEW = 25
"""So many pools are offered to choose from; of more one writes the name."""
_WORST_FIRST = {condition: rank for rank, condition in enumerate(HostCondition)}


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host as a line of the list, with the events that keep jobs off it; `advised`: an advisory names it."""

    host: HostDocument
    threats: tuple[Threat, ...]
    rehearsed: frozenset[str]
    advised: bool
    zone: str
    fault_domain: str
    update_domain: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many hosts are in a condition, and the query of the list of those."""

    condition: HostCondition
    number: int
    query: str
    is_chosen: bool


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """What the list is narrowed to; texts are empty where nothing was asked for."""

    q: str = ""
    condition: HostCondition | None = None
    pool: str = ""
    watcher: Presence | None = None

    def admits(self, report: HostReport, view: HostView | None) -> bool:
        """Whether a host is asked for; each word must be part of one of its names, addresses, pools or places."""
        if self.condition not in (None, report.condition) or self.watcher not in (None, report.watcher):
            return False
        if self.pool and self.pool not in report.pools:
            return False
        said = " ".join(_names(report, view)).lower()
        return all(word in said for word in self.q.lower().split())


class HostsView(msgspec.Struct, frozen=True, kw_only=True):
    """The list at one moment. `pools` is None where there are too many to choose from."""

    narrowed: Narrowed
    taken: tuple[Taken, ...]
    counts: tuple[Count, ...]
    total: int
    unheard: int
    pools: tuple[str, ...] | None
    rows: tuple[HostRow, ...]
    pager: Pager
    lengths: Mapping[str, str]


class HostsPage:
    """The list of hosts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises InvalidInputError for what an address cannot ask for."""
        view = hosts_view(self._services, request)
        return Content(title="Hosts", section=Section.HOSTS, template="hosts.html", view=view)


def hosts_view(services: Services, request: web.Request) -> HostsView:
    """Return what an address asks for, as far as its caller may see it. Raises InvalidInputError."""
    narrowed, number = _narrowed(request), read_number(request)
    reports, views = services.hosts.reports(), services.hosts.views
    found = [report for report in reports if narrowed.admits(report, views.get(host_key(report.host)))]
    shown = sorted(found, key=_rank)[skipped(number) : skipped(number) + ROWS]
    sight = sight_of(request, services.store)
    return HostsView(
        narrowed=narrowed,
        taken=tuple(taken(request, _said(narrowed))),
        counts=tuple(_counts(request, reports, narrowed.condition)),
        total=len(reports),
        unheard=sum(report.watcher != Presence.ONLINE and report.lost is None for report in reports),
        pools=_pools(reports, narrowed.pool),
        rows=tuple(_row(sight.host(report), views.get(host_key(report.host))) for report in shown),
        pager=pager(request, len(shown), len(found)),
        lengths=LENGTHS,
    )


def events_of(view: HostView | None) -> tuple[Threat, ...]:
    """Return what keeps jobs off a host but an operator's cordon."""
    return () if view is None else tuple(threat for threat in view.threats if threat.type != MANUAL)


def rehearsed(threats: Iterable[Threat]) -> frozenset[str]:
    """Return the ids of those events that are rehearsals."""
    return frozenset(threat.event_id for threat in threats if is_rehearsal(threat.event_id))


def _narrowed(request: web.Request) -> Narrowed:
    return Narrowed(
        q=text_of(request, "q"),
        condition=choice_of(request, "condition", HostCondition),
        pool=text_of(request, "pool"),
        watcher=choice_of(request, "watcher", Presence),
    )


def _said(narrowed: Narrowed) -> dict[str, str]:
    return {
        "q": f"“{narrowed.q}”" if narrowed.q else "",
        "condition": narrowed.condition.value if narrowed.condition else "",
        "pool": f"pool {narrowed.pool}" if narrowed.pool else "",
        "watcher": f"watcher {narrowed.watcher}" if narrowed.watcher else "",
    }


def _rank(report: HostReport) -> tuple[int, bool, str]:
    """Worst first: by condition, then those without a watcher, then by name."""
    return _WORST_FIRST[report.condition], report.watcher == Presence.ONLINE, report.host.lower()


def _names(report: HostReport, view: HostView | None) -> Iterable[str]:
    yield report.host
    yield from report.addresses
    yield from report.pools
    if view is not None:
        yield from (view.computer_name, view.zone, view.scale_set)


def _counts(request: web.Request, reports: Sequence[HostReport], chosen: HostCondition | None) -> Iterable[Count]:
    found = Counter(report.condition for report in reports)
    for condition in HostCondition:
        is_chosen = condition is chosen
        query = query_with(request, condition="" if is_chosen else condition.value, page="")
        yield Count(condition=condition, number=found[condition], query=query, is_chosen=is_chosen)


def _pools(reports: Sequence[HostReport], chosen: str) -> tuple[str, ...] | None:
    names = {pool for report in reports for pool in report.pools} | ({chosen} if chosen else set())
    return tuple(sorted(names)) if len(names) <= FEW else None


def _row(host: HostDocument, view: HostView | None) -> HostRow:
    return HostRow(
        host=host,
        threats=events_of(view),
        rehearsed=rehearsed(events_of(view)),
        advised=view.advised if view else False,
        zone=view.zone if view else "",
        fault_domain=view.fault_domain if view else "",
        update_domain=view.update_domain if view else "",
    )
