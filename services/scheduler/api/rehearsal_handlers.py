"""Rehearsals over HTTP: events that an operator announces, at which everything happens but an approval."""

from http import HTTPStatus

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.ports import Services
from services.scheduler.api.rehearsals import Rehearsals
from services.scheduler.api.replies import page_reply, reply
from services.scheduler.api.requests import read_document, read_page
from services.scheduler.api.schemas.fleet import event_document
from services.scheduler.api.schemas.rehearsals import RehearsalDocument, read_plan
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.rehearsals import RehearsalPlan


class RehearsalHandlers:
    """Handlers of rehearsals; there is no ARM counterpart."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._hosts = services.hosts
        self._clock = services.clock
        self._rehearsals = Rehearsals(services)

    async def list_all(self, request: web.Request) -> web.Response:
        """List the events that were rehearsals, those that are on among them, the last announced first."""
        page, sight = read_page(request), sight_of(request, self._store)
        events = await self._store.list_rehearsed(limit=page.skip + page.wanted)
        return page_reply(request, page, [sight.event(event) for event in events[page.skip :]])

    async def announce(self, request: web.Request) -> web.Response:
        """Announce an event on hosts of the fleet: everything happens as at a real one, but nothing is approved."""
        plan = await self._plan(request)
        event = await self._rehearsals.announce(plan, by=actor_of(request, self._clock))
        return reply(request, event_document(event), HTTPStatus.CREATED)

    async def foresee(self, request: web.Request) -> web.Response:
        """Tell what a rehearsal would do, without announcing it."""
        return reply(request, await self._rehearsals.foresee(await self._plan(request)))

    async def cancel(self, request: web.Request) -> web.Response:
        """Call a rehearsal off: its hosts are released at once."""
        by = actor_of(request, self._clock)
        return reply(request, event_document(await self._rehearsals.cancel(request.match_info["event"], by=by)))

    async def _plan(self, request: web.Request) -> RehearsalPlan:
        return read_plan(read(await read_document(request), RehearsalDocument), self._hosts.views)
