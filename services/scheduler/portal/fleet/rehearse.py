"""The page on which an event is rehearsed: what is to happen, what that would do, and those that are on."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.ports import Services
from services.scheduler.api.rehearsals import Rehearsals
from services.scheduler.api.requests import read_field
from services.scheduler.api.schemas.fleet import EventDocument
from services.scheduler.api.schemas.rehearsals import (
    USUAL_DURATION,
    USUAL_NOTICE,
    ForesightDocument,
    RehearsalDocument,
    read_plan,
)
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.rehearsals import AT_ONCE, LONGEST, LONGEST_NOTICE, TYPES, RehearsalPlan
from services.scheduler.errors import ConflictError, InvalidInputError, NotFoundError
from services.scheduler.portal.frame import Content, Section, lead_to, root_of
from services.scheduler.portal.notices import Notice
from services.scheduler.store.records import EventOutcome
from shared.errors import LeewardError

OFFERED = 200
"""Hosts that the form completes names to; further ones are typed out."""
_BETWEEN = re.compile(r"[\s,;]+")
_FIELDS = ("type", "notice", "duration", "description")
_USUAL = {"type": "Reboot", "notice": str(USUAL_NOTICE), "duration": str(USUAL_DURATION), "description": ""}
_FIELD_NAMES = {"noticeSeconds": "notice", "durationSeconds": "duration"}

Fields = Mapping[str, str]


class RehearseView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page; `foresight` is of what the form says, None while that is nothing or `fault` says what is wrong.

    `hosts` is as it was typed, `offered` are names to choose from, `command` does the same on a command line.
    """

    hosts: str
    fields: Fields
    types: tuple[str, ...]
    offered: tuple[str, ...]
    most_notice: int
    most_duration: int
    foresight: ForesightDocument | None
    command: str
    on: tuple[EventDocument, ...]
    at_once: int
    fault: str


class RehearsePage:
    """Handlers of the page and its forms; their routes take the right to steer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rehearsals = Rehearsals(services)

    async def show(self, request: web.Request) -> Content:
        """Return the page, with what would happen once hosts are named. Raises StoreUnavailableError."""
        query = request.query
        hosts = ", ".join(query.getall("host", []))
        fields = {name: query.get(name, _USUAL[name]) for name in _FIELDS}
        return await self._page(request, hosts, fields)

    async def announce(self, request: web.Request) -> Content | web.Response:
        """Announce what the form says and lead to the event's page, or show the form with what is wrong."""
        hosts = await read_field(request, "host") or ""
        fields = {name: await read_field(request, name) or _USUAL[name] for name in _FIELDS}
        try:
            event = await self._rehearsals.announce(
                self._plan(hosts, fields), by=actor_of(request, self._services.clock)
            )
        except (InvalidInputError, ConflictError, NotFoundError) as fault:
            return await self._page(request, hosts, fields, fault=fault)
        return lead_to(f"{root_of(request)}portal/events/{event.event_id}?notice={Notice.REHEARSED}")

    async def cancel(self, request: web.Request) -> web.Response:
        """Call a rehearsal off and lead to its page; one that is over stays as it is. Raises NotFoundError."""
        event_id, said = request.match_info["event"], Notice.REHEARSAL_CANCELLED
        try:
            event_id = (await self._rehearsals.cancel(event_id, by=actor_of(request, self._services.clock))).event_id
        except ConflictError:
            said = Notice.REHEARSAL_OVER
        place = request.rel_url.with_path(f"/portal/events/{event_id}").with_query({"notice": said.value})
        return lead_to(f"{root_of(request)}{place.raw_path_qs.removeprefix('/')}")

    async def _page(
        self, request: web.Request, hosts: str, fields: Fields, *, fault: LeewardError | None = None
    ) -> Content:
        foresight, command = None, ""
        if hosts and fault is None:
            try:
                plan = self._plan(hosts, fields)
                foresight, command = await self._rehearsals.foresee(plan), _command(plan)
            except InvalidInputError as wrong:
                fault = wrong
        view = RehearseView(
            hosts=hosts,
            fields=fields,
            types=TYPES,
            offered=tuple(view.name for view in list(self._services.hosts.views.values())[:OFFERED]),
            most_notice=int(LONGEST_NOTICE.total_seconds()),
            most_duration=int(LONGEST.total_seconds()),
            foresight=foresight,
            command=command,
            on=tuple(await self._on(request)),
            at_once=AT_ONCE,
            fault=_said(fault) if fault is not None else "",
        )
        status = HTTPStatus.OK if fault is None else _status(fault)
        title = "Rehearse an event"
        return Content(
            title=title, section=Section.EVENTS, template="rehearse.html", view=view, live=False, status=status
        )

    def _plan(self, hosts: str, fields: Fields) -> RehearsalPlan:
        """Return what the form says. Raises InvalidInputError."""
        document = RehearsalDocument(
            type=fields["type"],
            hosts=[name for name in _BETWEEN.split(hosts) if name],
            notice_seconds=_number(fields, "notice"),
            duration_seconds=_number(fields, "duration"),
            description=fields["description"].strip(),
        )
        return read_plan(document, self._services.hosts.views)

    async def _on(self, request: web.Request) -> Iterable[EventDocument]:
        """Return those that are on, the last announced first."""
        sight = sight_of(request, self._services.store)
        latest = await self._services.store.list_rehearsed(limit=2 * AT_ONCE)
        return (sight.event(event) for event in latest if event.outcome is EventOutcome.ACTIVE)


def _number(fields: Fields, name: str) -> int:
    text = fields[name].strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInputError(name, f"{text[:20]!r} is not a whole number of seconds")
    return int(text)


def _said(fault: LeewardError) -> str:
    """Return what is wrong with the form, in its own words for its fields."""
    if isinstance(fault, InvalidInputError):
        return f"{_FIELD_NAMES.get(fault.field, fault.field.partition('[')[0])}: {fault.message}"
    return str(fault)


def _status(fault: LeewardError) -> HTTPStatus:
    return HTTPStatus.CONFLICT if isinstance(fault, ConflictError) else HTTPStatus.BAD_REQUEST


def _command(plan: RehearsalPlan) -> str:
    """Return what does the same on a command line."""
    seconds = f"--notice {plan.notice.total_seconds():.0f} --duration {plan.duration.total_seconds():.0f}"
    return f"leeward rehearse --fleet {plan.type.lower()} {' '.join(plan.hosts)} {seconds}"
