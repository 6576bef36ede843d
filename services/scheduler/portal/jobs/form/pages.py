"""The form as a page: opened, judged, changed over to JSON and back; nothing typed is lost but secrets."""

from collections.abc import Sequence
from http import HTTPStatus
from zoneinfo import available_timezones

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import ConflictError
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.jobs.form.differences import Difference
from services.scheduler.portal.jobs.form.faults import Fault, faults_at, faults_in_text
from services.scheduler.portal.jobs.form.fields import sections
from services.scheduler.portal.jobs.form.inputs import Input, Sent, chosen
from services.scheduler.portal.jobs.form.judging import Judged, kept_in, shown_of
from services.scheduler.portal.jobs.form.paths import Json
from services.scheduler.portal.jobs.form.preview import Preview, preview_of
from services.scheduler.portal.jobs.form.secrets import given_in, held_by, veiled, without_secrets
from services.scheduler.portal.jobs.form.sent import COLLECTION, NAME, Form, Tab
from services.scheduler.portal.jobs.form.showing import fields_of
from services.scheduler.portal.jobs.form.stored import described
from services.scheduler.portal.jobs.form.view import (
    MOST_OFFERED,
    CheckView,
    FormView,
    Kept,
    Marks,
    group_views,
    offered,
)
from shared.errors import LeewardError

_OWN = (Input(path=NAME, label="Name"), Input(path=COLLECTION, label="Collection"))
"""The inputs that no document speaks of."""


class Pages:
    """Makes the pages of forms."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._zones = frozenset(available_timezones())  # the machine's files, which do not change while it runs

    async def show(
        self,
        request: web.Request,
        form: Form,
        existing: Job | None,
        judged: Judged,
        *,
        found: Sequence[Difference] = (),
    ) -> Content:
        """Return the page of a form with what is wrong with it, and what others have changed meanwhile."""
        sent = {**fields_of(form.base), **form.fields}
        faults = _faults(form, judged.refusals)
        view = FormView(
            tab=form.tab,
            name=form.name,
            place=form.place,
            places=await self._places(request, form.place),
            original=form.original,
            revision=form.revision,
            base=text_of(without_secrets(form.base)),
            text=veiled(form.text) if any(given_in(judged.document)) or judged.refusals else form.text,
            sections=group_views(sections(), sent, self._marks(form, existing, faults))
            if form.tab is Tab.FIELDS
            else (),
            faults=faults,
            differences=tuple(found),
            preview=self._preview(form, existing, judged),
            offers=offered(self._services.hosts.reports(), self._zones),
            lost_secrets=any(given_in(judged.document)),
        )
        title = f"Edit {form.name}" if form.revision is not None else "New job"
        return Content(
            title=title,
            section=Section.JOBS,
            template="job_form.html",
            view=view,
            live=False,
            status=_status(judged.refusals),
        )

    def check(self, form: Form, existing: Job | None, judged: Judged) -> Content:
        """Return what stands beside the form while it is filled in: a fault is what is still to be said, no failure."""
        view = CheckView(
            preview=self._preview(form, existing, judged),
            faults=_faults(form, judged.refusals),
            is_new=form.revision is None,
        )
        return Content(title="Preview", section=Section.JOBS, template="job_form_check.html", view=view, live=False)

    def _preview(self, form: Form, existing: Job | None, judged: Judged) -> Preview:
        group, _, collection = form.place.rpartition("/")
        is_near = group.lower() in ("", self._services.resource_group.lower())
        shown = shown_of(judged.document, existing)
        return preview_of(shown, collection, form.name, self._services.clock.now(), is_near=is_near)

    def _marks(self, form: Form, existing: Job | None, faults: Sequence[Fault]) -> Marks:
        shown = fields_of(form.base)
        every = {one.key for section in sections() for one in section.inputs()}
        held = held_by(existing)
        return Marks(
            faults={fault.id: fault.message for fault in faults},
            kept={
                path: Kept(certificate=described(held[path]))
                for path in kept_in(form.base, form.fields or shown, existing, form.removed)
            },
            unsayable=frozenset(every - shown.keys()),
        )

    async def _places(self, request: web.Request, place: str) -> tuple[str, ...]:
        """Return the collections to choose from, as far as the caller sees them."""
        seen = sight_of(request, self._services.store)
        found = await seen.collections(self._services.subscription, None, top=MOST_OFFERED, skip=0)
        places = dict.fromkeys(map(place_text, found))
        if place:
            places.setdefault(place)
        return tuple(places)


def place_text(collection: Collection) -> str:
    """Return how the form names a collection."""
    return f"{collection.namespace.resource_group}/{collection.name}"


def text_of(document: Json) -> str:
    """Return a document as somebody would write it."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _faults(form: Form, refusals: Sequence[LeewardError]) -> tuple[Fault, ...]:
    """Return refusals at the inputs of a form."""
    if form.tab is Tab.JSON:
        return faults_in_text(_OWN, refusals)
    return faults_at((*_OWN, *_chosen(form)), refusals)


def _chosen(form: Form) -> list[Input]:
    sent: Sent = form.fields or fields_of(form.base)
    return chosen(sections(), sent)


def _status(refusals: Sequence[LeewardError]) -> HTTPStatus:
    if not refusals:
        return HTTPStatus.OK
    return HTTPStatus.CONFLICT if isinstance(refusals[0], ConflictError) else HTTPStatus.BAD_REQUEST
