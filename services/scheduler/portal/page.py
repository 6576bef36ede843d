"""The routes of the page: the whole at `/`, the part that changes at `/portal/fragment`, and its static files."""

from pathlib import Path

import jinja2
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.portal.view import Overview, gather
from shared.logs import get_logger

_HERE = Path(__file__).parent
_STATIC = "/portal/static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Portal:
    """Answers with the fleet, the events and the jobs as HTML."""

    def __init__(self, services: Services) -> None:
        """Read the templates once; `services` are the same that the API uses."""
        self._services = services
        self._log = get_logger("portal")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    async def page(self, _: web.Request) -> web.Response:
        """Return the page; it is useful without scripts, and keeps itself fresh with them."""
        return await self._answer("page.html")

    async def fragment(self, _: web.Request) -> web.Response:
        """Return the changing part of the page alone."""
        return await self._answer("fragment.html")

    async def _answer(self, template: str) -> web.Response:
        """Render what there is; while the store is away say so, with 503, in the same frame."""
        view: Overview | None = None
        try:
            view = await gather(self._services)
        except StoreUnavailableError as fault:
            self._log.warning("page shown without data", error=str(fault))
        text = self._templates.get_template(template).render(view=view)
        return web.Response(
            text=text, content_type="text/html", charset="utf-8", status=200 if view else 503, headers=_HEADERS
        )


def add_portal(app: web.Application, services: Services) -> None:
    """Put the page at `/` of the scheduler's application."""
    portal = Portal(services)
    app.router.add_get("/", portal.page)
    app.router.add_get("/portal/fragment", portal.fragment)
    app.router.add_static(_STATIC, _HERE / "static")
    app.on_response_prepare.append(_ask_again_for_static)


async def _ask_again_for_static(request: web.Request, response: web.StreamResponse) -> None:
    """Have browsers ask whether their copy still stands (304), so that after an upgrade script and page agree."""
    if request.path.startswith(_STATIC):
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
