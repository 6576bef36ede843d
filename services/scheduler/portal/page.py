"""The routes of the page: the whole at `/`, the part that changes at `/portal/fragment`, and its static files."""

from http import HTTPStatus
from pathlib import Path

import jinja2
from aiohttp import web

from services.scheduler.api.authentication import FIRST_PAGE, PORTAL_FILES, SIGN_IN
from services.scheduler.api.callers import caller_of, session_of
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right, guarded, has
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.callers import Caller
from services.scheduler.errors import NotFoundError, StoreUnavailableError
from services.scheduler.portal.job_view import gather_job
from services.scheduler.portal.sign_in import SignIn
from services.scheduler.portal.steering import LENGTHS, Steering, notice_of
from services.scheduler.portal.view import Overview, gather
from shared.logs import get_logger

_HERE = Path(__file__).parent
_STATIC = "/portal/static"
_JOB = "/portal/jobs/{group}/{collection}/{job}"
_ROOT_OF_A_JOB = "../../../../"
"""From a job's page to where a proxy has put the first one."""
_NO_JOB = (
    "There is no such job",
    "It may have been deleted, or have another name: the first page has those there are.",
)
_NO_STORE = "The store cannot be reached", "The scheduler keeps trying; its log says why. Nothing is lost meanwhile."
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Without a referrer browsers would not say, either, that a form of ours was sent by a page of ours.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_ALWAYS_TLS = {"Strict-Transport-Security": "max-age=31536000"}


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

    async def page(self, request: web.Request) -> web.Response:
        """Return the page; it is useful without scripts, and keeps itself fresh with them."""
        return await self._answer(request, "base.html")

    async def fragment(self, request: web.Request) -> web.Response:
        """Return the changing part of the page alone."""
        return await self._answer(request, "fragment.html")

    async def _answer(self, request: web.Request, template: str) -> web.Response:
        """Render what the caller may see; while the store is away say so, with 503, in the same frame."""
        view: Overview | None = None
        try:
            view = await gather(self._services, sight_of(request, self._services.store))
        except StoreUnavailableError as fault:
            self._log.warning("page shown without data", error=str(fault))
        status = HTTPStatus.OK if view else HTTPStatus.SERVICE_UNAVAILABLE
        who = {"caller": self._known(request), "session": session_of(request)}
        steers = has(caller_of(request), Right.STEER)
        return self._render(
            request,
            template,
            status,
            view=view,
            steers=steers,
            lengths=LENGTHS,
            notice=notice_of(request),
            root="",
            content="fragment.html",
            fragment="portal/fragment",
            **who,
        )

    async def job(self, request: web.Request) -> web.Response:
        """Return the page of one job."""
        return await self._answer_job(request, "base.html")

    async def job_fragment(self, request: web.Request) -> web.Response:
        """Return the changing part of a job's page alone."""
        return await self._answer_job(request, "job.html")

    async def _answer_job(self, request: web.Request, template: str) -> web.Response:
        """Render a job; what is not there, or not to be seen, is said in the same frame, with 404."""
        job, status, trouble, advice = None, HTTPStatus.OK, "", ""
        try:
            job = await gather_job(self._services, request)
        except NotFoundError:
            status, (trouble, advice) = HTTPStatus.NOT_FOUND, _NO_JOB
        except StoreUnavailableError as fault:
            self._log.warning("page shown without data", error=str(fault))
            status, (trouble, advice) = HTTPStatus.SERVICE_UNAVAILABLE, _NO_STORE
        own = request.rel_url.raw_path.removeprefix("/").removesuffix("/fragment")
        frame = {"root": _ROOT_OF_A_JOB, "content": "job.html", "fragment": f"{_ROOT_OF_A_JOB}{own}/fragment"}
        who = {"caller": self._known(request), "session": session_of(request)}
        return self._render(request, template, status, job=job, trouble=trouble, advice=advice, **frame, **who)

    def _known(self, request: web.Request) -> Caller | None:
        """Return who looks, None where nobody is asked who he is."""
        return None if self._services.access.is_open else caller_of(request)

    def sign_in(self, request: web.Request, fault: str, status: HTTPStatus) -> web.Response:
        """Return the form for a token, with a sentence above it or none."""
        return self._render(request, "sign_in.html", status, fault=fault)

    def _render(self, request: web.Request, template: str, status: HTTPStatus, **values: object) -> web.Response:
        headers = {**_HEADERS, **_ALWAYS_TLS} if request.secure else _HEADERS
        text = self._templates.get_template(template).render(**values)
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status, headers=headers)


def add_portal(app: web.Application, services: Services) -> None:
    """Put the page at `/` of the scheduler's application."""
    portal = Portal(services)
    app.router.add_get("/", portal.page, name=FIRST_PAGE)
    app.router.add_get("/portal/fragment", portal.fragment)
    app.router.add_get(_JOB, portal.job)
    app.router.add_get(f"{_JOB}/fragment", portal.job_fragment)
    steering = Steering(services)
    app.router.add_post("/portal/hosts/{host}/cordon", guarded(steering.cordon, Right.STEER))
    app.router.add_post("/portal/hosts/{host}/release", guarded(steering.release, Right.STEER))
    app.router.add_static(_STATIC, _HERE / "static", name=PORTAL_FILES)
    if not services.access.is_open:
        _add_sign_in(app, SignIn(portal.sign_in))
    app.on_response_prepare.append(_ask_again_for_static)


def _add_sign_in(app: web.Application, sign_in: SignIn) -> None:
    resource = app.router.add_resource("/sign-in", name=SIGN_IN)
    resource.add_route("GET", sign_in.form)
    resource.add_route("POST", sign_in.sign_in)
    app.router.add_post("/sign-out", sign_in.sign_out)


async def _ask_again_for_static(request: web.Request, response: web.StreamResponse) -> None:
    """Have browsers ask whether their copy still stands (304), so that after an upgrade script and page agree."""
    if request.path.startswith(_STATIC):
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
