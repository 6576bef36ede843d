"""Cordon and release from a page: small forms that work without scripts and lead back to where they were sent from."""

import re
from datetime import timedelta
from urllib.parse import quote

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.ports import Services
from services.scheduler.api.requests import read_field
from services.scheduler.errors import NotFoundError
from services.scheduler.portal.frame import lead_to
from services.scheduler.portal.notices import Notice

LENGTHS = {
    "": "until it is released",
    "15": "for 15 minutes",
    "60": "for an hour",
    "240": "for 4 hours",
    "1440": "for a day",
}
"""What the form offers: minutes, and how it says them."""
_ROOT = "../../../"
"""From a form's address to the first page, wherever a proxy has put it."""
_PAGE_OF_OURS = re.compile(r"portal/hosts(/[A-Za-z0-9._~%-]{1,600})?(\?[A-Za-z0-9._~%&=+,:-]{0,2000})?")
"""What a form may say it was sent from: nobody can make it lead anywhere else."""


class Steering:
    """Handlers of the forms; their routes take the right to steer."""

    def __init__(self, services: Services) -> None:
        self._hosts = services.hosts
        self._clock = services.clock

    async def cordon(self, request: web.Request) -> web.Response:
        """Keep jobs off a host, for as long as the form says."""
        reason = (await read_field(request, "reason") or "").strip()
        minutes = await read_field(request, "minutes") or ""
        if not reason:
            return await _back(request, Notice.REASON)
        until = self._clock.now() + timedelta(minutes=int(minutes)) if minutes in LENGTHS and minutes else None
        host, by = request.match_info["host"], actor_of(request, self._clock)
        try:
            await self._hosts.cordon(host, reason=reason, until=until, by=by)
        except NotFoundError:
            return lead_to(f"{_ROOT}portal/hosts?notice={Notice.HOST}")
        return await _back(request, Notice.CORDONED)

    async def release(self, request: web.Request) -> web.Response:
        """Lift the cordon that was made by hand."""
        try:
            await self._hosts.release(request.match_info["host"], by=actor_of(request, self._clock))
        except NotFoundError:
            return lead_to(f"{_ROOT}portal/hosts?notice={Notice.HOST}")
        return await _back(request, Notice.RELEASED)


async def _back(request: web.Request, notice: Notice) -> web.Response:
    """Lead to the page that the form was sent from, as the form says; else to the host's own."""
    said = await read_field(request, "back") or ""
    page = said if _PAGE_OF_OURS.fullmatch(said) else f"portal/hosts/{quote(request.match_info['host'], safe='')}"
    return lead_to(f"{_ROOT}{page}{'&' if '?' in page else '?'}notice={notice}")
