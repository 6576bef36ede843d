"""The routes of the portal: its pages, the forms on them, and its static files."""

from aiohttp import web

from services.scheduler.api.authentication import PAGES, PORTAL_FILES, SIGN_IN
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right
from services.scheduler.portal.collections.actions import CollectionActions
from services.scheduler.portal.collections.pages import CollectionPages
from services.scheduler.portal.fleet.routes import add_fleet
from services.scheduler.portal.frame import HERE, Frame, Handle, Section
from services.scheduler.portal.jobs.actions import JobActions
from services.scheduler.portal.jobs.form.page import JobForm
from services.scheduler.portal.jobs.listing import JobsPage
from services.scheduler.portal.jobs.page import JobPage
from services.scheduler.portal.overview.page import OverviewPage
from services.scheduler.portal.ports import Replica
from services.scheduler.portal.sign_in import SignIn

_STATIC = "/portal/static"
_SECTIONS = (Section.OVERVIEW, Section.JOBS, Section.COLLECTIONS, Section.HOSTS, Section.EVENTS, Section.HEALTH)
_JOBS = "/portal/jobs"
_JOB = f"{_JOBS}/{{group}}/{{collection}}/{{job}}"
_COLLECTIONS = "/portal/collections"
_COLLECTION = f"{_COLLECTIONS}/{{group}}/{{collection}}"


def add_portal(app: web.Application, services: Services, replica: Replica) -> None:
    """Put the portal at `/` of the application of the scheduler `replica`."""
    frame = Frame(services, _SECTIONS)
    _add_pages(app, services, frame)
    add_fleet(app, services, replica, frame)
    _add_job_forms(app, JobActions(services), frame)
    _add_job_writing(app, JobForm(services), frame)
    _add_collection_forms(app, CollectionActions(services), frame)
    app.router.add_static(_STATIC, HERE / "static", name=PORTAL_FILES)
    if not services.access.is_open:
        _add_sign_in(app, SignIn(frame.sign_in))
    app.on_response_prepare.append(_ask_again_for_static)


def _add_pages(app: web.Application, services: Services, frame: Frame) -> None:
    pages = [
        ("/", "overview", Section.OVERVIEW, OverviewPage(services).show),
        (_JOBS, "jobs", Section.JOBS, JobsPage(services).show),
        (_JOB, "job", Section.JOBS, JobPage(services).show),
        (_COLLECTIONS, "collections", Section.COLLECTIONS, CollectionPages(services).list_all),
        (_COLLECTION, "collection", Section.COLLECTIONS, CollectionPages(services).show),
    ]
    for address, name, section, gather in pages:
        app.router.add_get(address, frame.page(section, gather), name=f"{PAGES}.{name}")


def _add_job_forms(app: web.Application, actions: JobActions, frame: Frame) -> None:
    for verb, handle in (("run", actions.run), ("enable", actions.enable), ("disable", actions.disable)):
        app.router.add_post(f"{_JOB}/{verb}", frame.form(Section.JOBS, handle, Right.CHANGE))
    _add_asked(app, frame, Section.JOBS, f"{_JOB}/delete", "job.delete", (actions.ask, actions.delete))


def _add_job_writing(app: web.Application, form: JobForm, frame: Frame) -> None:
    _add_asked(app, frame, Section.JOBS, f"{_JOBS}/new", "job.new", (form.new, form.create))
    _add_asked(app, frame, Section.JOBS, f"{_JOB}/edit", "job.edit", (form.open, form.edit))
    app.router.add_post(f"{_JOBS}/preview", frame.form(Section.JOBS, form.preview, Right.CHANGE))


def _add_collection_forms(app: web.Application, actions: CollectionActions, frame: Frame) -> None:
    section = Section.COLLECTIONS
    for verb, handle in (("enable", actions.enable), ("disable", actions.disable)):
        app.router.add_post(f"{_COLLECTION}/{verb}", frame.form(section, handle, Right.CHANGE))
    _add_asked(app, frame, section, f"{_COLLECTIONS}/new", "collection.new", (actions.new, actions.create))
    _add_asked(app, frame, section, f"{_COLLECTION}/edit", "collection.edit", (actions.edit, actions.change))
    _add_asked(app, frame, section, f"{_COLLECTION}/delete", "collection.delete", (actions.ask, actions.delete))


def _add_asked(
    app: web.Application, frame: Frame, section: Section, address: str, name: str, handlers: tuple[Handle, Handle]
) -> None:
    """Add a page with a form on it and, at the same address, what the form does."""
    page, form = handlers
    resource = app.router.add_resource(address, name=f"{PAGES}.{name}")
    resource.add_route("GET", frame.form(section, page, Right.CHANGE))
    resource.add_route("POST", frame.form(section, form, Right.CHANGE))


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
