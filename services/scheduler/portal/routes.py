"""The routes of the portal: its pages, the forms on them, and its static files."""

from aiohttp import web

from services.scheduler.api.authentication import PAGES, PORTAL_FILES, SIGN_IN
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right
from services.scheduler.portal.frame import HERE, Frame, Section
from services.scheduler.portal.job import JobPage
from services.scheduler.portal.overview import OverviewPage
from services.scheduler.portal.sign_in import SignIn
from services.scheduler.portal.steering import Steering

_STATIC = "/portal/static"
_SECTIONS = (Section.OVERVIEW,)
_JOB = "/portal/jobs/{group}/{collection}/{job}"


def add_portal(app: web.Application, services: Services) -> None:
    """Put the portal at `/` of the scheduler's application."""
    frame = Frame(services, _SECTIONS)
    _add_pages(app, services, frame)
    _add_forms(app, services, frame)
    app.router.add_static(_STATIC, HERE / "static", name=PORTAL_FILES)
    if not services.access.is_open:
        _add_sign_in(app, SignIn(frame.sign_in))
    app.on_response_prepare.append(_ask_again_for_static)


def _add_pages(app: web.Application, services: Services, frame: Frame) -> None:
    pages = [
        ("/", "overview", Section.OVERVIEW, OverviewPage(services).show),
        (_JOB, "job", Section.JOBS, JobPage(services).show),
    ]
    for address, name, section, gather in pages:
        app.router.add_get(address, frame.page(section, gather), name=f"{PAGES}.{name}")


def _add_forms(app: web.Application, services: Services, frame: Frame) -> None:
    steering = Steering(services)
    forms = [
        ("/portal/hosts/{host}/cordon", Section.HOSTS, steering.cordon, Right.STEER),
        ("/portal/hosts/{host}/release", Section.HOSTS, steering.release, Right.STEER),
    ]
    for address, section, handle, right in forms:
        app.router.add_post(address, frame.form(section, handle, right))


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
