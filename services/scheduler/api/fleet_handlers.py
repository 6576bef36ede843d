"""Hosts and events over HTTP."""

import asyncio
from enum import StrEnum

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.event_filter import read_event_filter
from services.scheduler.api.event_statistics import statistics
from services.scheduler.api.filters import read_filter
from services.scheduler.api.ports import Services
from services.scheduler.api.replies import page_reply, reply
from services.scheduler.api.requests import read_document, read_page
from services.scheduler.api.schemas.fleet import CordonDocument, EmptyDocument, host_document
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.timing import instant
from services.scheduler.api.sight import sight_of
from services.scheduler.errors import InvalidInputError

COUNTED = 10_000
"""Events that statistics look at, the latest; those that are over for longer than history is kept are gone anyway."""


class _Shown(StrEnum):
    ACTIVE = "active"


class FleetHandlers:
    """Handlers of hosts and events; there is no ARM counterpart."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._hosts = services.hosts
        self._clock = services.clock

    async def hosts(self, request: web.Request) -> web.Response:
        """List hosts by name."""
        page = read_page(request)
        reports = self._hosts.reports()[page.skip : page.skip + page.wanted]
        sight = sight_of(request, self._store)
        return page_reply(request, page, [sight.host(report) for report in reports])

    async def host(self, request: web.Request) -> web.Response:
        """Return one host."""
        report = self._hosts.report(request.match_info["host"])
        return reply(request, sight_of(request, self._store).host(report))

    async def cordon(self, request: web.Request) -> web.Response:
        """Keep jobs off a host by hand, as an event does."""
        document = read(await read_document(request), CordonDocument)
        if not document.reason.strip():
            raise InvalidInputError("reason", "must not be empty: say why, for whoever finds the host cordoned")
        until = instant(document.until, None, "until")
        if until is not None and until <= self._clock.now():
            raise InvalidInputError("until", "lies in the past")
        host, by = request.match_info["host"], actor_of(request, self._clock)
        return reply(request, host_document(await self._hosts.cordon(host, reason=document.reason, until=until, by=by)))

    async def release(self, request: web.Request) -> web.Response:
        """Lift the cordon by hand; an event's cordon stays."""
        read(await read_document(request), EmptyDocument)
        by = actor_of(request, self._clock)
        return reply(request, host_document(await self._hosts.release(request.match_info["host"], by=by)))

    async def events(self, request: web.Request) -> web.Response:
        """List events, the last seen first; past ones too unless `$filter=outcome eq active`."""
        page, shown = read_page(request), read_filter(request, "outcome", _Shown)
        events = await self._store.list_events(active=shown is not None, limit=page.skip + page.wanted)
        sight = sight_of(request, self._store)
        return page_reply(request, page, [sight.event(event) for event in events[page.skip :]])

    async def statistics(self, request: web.Request) -> web.Response:
        """Return what came of the events of each type, of the latest 10,000 at the most."""
        wanted = read_event_filter(request)
        events = await self._store.list_events(active=False, limit=COUNTED)
        documents = await asyncio.to_thread(statistics, filter(wanted.admits, events))
        return reply(request, {"value": documents}, listed=True)

    async def event(self, request: web.Request) -> web.Response:
        """Return one event."""
        event = await self._store.get_event(request.match_info["event"])
        return reply(request, sight_of(request, self._store).event(event))
