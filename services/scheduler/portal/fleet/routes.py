"""The routes of hosts, events and health."""

from aiohttp import web

from services.scheduler.api.authentication import PAGES
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right
from services.scheduler.portal.fleet.event import EventPage
from services.scheduler.portal.fleet.events import EventsPage
from services.scheduler.portal.fleet.host import HostPage
from services.scheduler.portal.fleet.hosts import HostsPage
from services.scheduler.portal.fleet.rehearse import RehearsePage
from services.scheduler.portal.fleet.steering import Steering
from services.scheduler.portal.frame import Frame, Section
from services.scheduler.portal.health.audit import AuditPage
from services.scheduler.portal.health.page import HealthPage
from services.scheduler.portal.ports import Replica

_HOST = "/portal/hosts/{host}"


def add_fleet(app: web.Application, services: Services, replica: Replica, frame: Frame) -> None:
    """Add the pages, and the forms that steer hosts."""
    pages = [
        ("/portal/hosts", "hosts", Section.HOSTS, HostsPage(services).show),
        (_HOST, "host", Section.HOSTS, HostPage(services, replica).show),
        ("/portal/events", "events", Section.EVENTS, EventsPage(services).show),
        ("/portal/events/{event}", "event", Section.EVENTS, EventPage(services, replica).show),
        ("/portal/health", "health", Section.HEALTH, HealthPage(services, replica).show),
        ("/portal/health/audit", "audit", Section.HEALTH, AuditPage(services).show),
    ]
    for address, name, section, gather in pages:
        app.router.add_get(address, frame.page(section, gather), name=f"{PAGES}.{name}")
    steering = Steering(services)
    _add_rehearsals(app, RehearsePage(services), frame)
    for address, handle in ((f"{_HOST}/cordon", steering.cordon), (f"{_HOST}/release", steering.release)):
        app.router.add_post(address, frame.form(Section.HOSTS, handle, Right.STEER))


def _add_rehearsals(app: web.Application, page: RehearsePage, frame: Frame) -> None:
    resource = app.router.add_resource("/portal/rehearse", name=f"{PAGES}.rehearse")
    resource.add_route("GET", frame.form(Section.EVENTS, page.show, Right.STEER))
    resource.add_route("POST", frame.form(Section.EVENTS, page.announce, Right.STEER))
    app.router.add_post("/portal/rehearsals/{event}/cancel", frame.form(Section.EVENTS, page.cancel, Right.STEER))
