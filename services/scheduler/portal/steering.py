"""Cordon and release from the page: small forms that work without scripts and lead back to it."""

from datetime import timedelta

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
_BACK = "../../../"
"""From a form's address to the page, wherever a proxy has put it."""


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
            return _back(Notice.REASON)
        until = self._clock.now() + timedelta(minutes=int(minutes)) if minutes in LENGTHS and minutes else None
        host, by = request.match_info["host"], actor_of(request, self._clock)
        try:
            await self._hosts.cordon(host, reason=reason, until=until, by=by)
        except NotFoundError:
            return _back(Notice.HOST)
        return _back(Notice.CORDONED)

    async def release(self, request: web.Request) -> web.Response:
        """Lift the cordon that was made by hand."""
        try:
            await self._hosts.release(request.match_info["host"], by=actor_of(request, self._clock))
        except NotFoundError:
            return _back(Notice.HOST)
        return _back(Notice.RELEASED)


def _back(notice: Notice) -> web.Response:
    return lead_to(f"{_BACK}?notice={notice}#hosts")
