"""Judges what a form says as the API would: by its reader, for its collection, with the secrets that the job keeps."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.callers import caller_of
from services.scheduler.api.job_verbs import JobVerbs
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import place_of
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import parse, read
from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobDefinition, JobState
from services.scheduler.errors import ConflictError, InvalidInputError, NotFoundError
from services.scheduler.portal.jobs.form.inputs import NOTHING, Sent
from services.scheduler.portal.jobs.form.paths import Json, put
from services.scheduler.portal.jobs.form.reading import Reading, document_of
from services.scheduler.portal.jobs.form.secrets import held_by, with_kept, with_stand_ins
from services.scheduler.portal.jobs.form.sent import COLLECTION, TEXT, Form, Tab
from services.scheduler.portal.jobs.form.showing import fields_of
from services.scheduler.portal.jobs.form.stored import stored_document
from shared.errors import LeewardError


class ChangedError(ConflictError):
    """Somebody changed the job after the form was opened."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a form comes to: a definition to write, or refusals."""

    document: Json
    definition: JobDefinition | None = None
    state: JobState | None = None
    refusals: tuple[LeewardError, ...] = ()


class Judge:
    """Reads forms."""

    def __init__(self, services: Services, verbs: JobVerbs) -> None:
        self._services = services
        self._verbs = verbs

    async def collection(self, request: web.Request, place: str) -> Collection:
        """Return the collection of a `group/name`, or of a name in the scheduler's own group.

        Raises InvalidInputError, also for what the caller may not see.
        """
        group, _, name = place.rpartition("/")
        if not name:
            raise InvalidInputError(COLLECTION, "is required; choose one")
        namespace = Namespace(self._services.subscription, group or self._services.resource_group)
        try:
            return await self._services.store.get_collection(place_of(caller_of(request), namespace, name), name)
        except NotFoundError as fault:
            raise InvalidInputError(COLLECTION, f"{fault}; choose one that does, or make it first") from fault

    async def judge(self, form: Form, collection: Collection | LeewardError, existing: Job | None) -> Judged:
        """Return what a form comes to in a collection, or where that is at fault, beside what is wrong with it."""
        reading = meant(form, existing)
        refusals: list[LeewardError] = list(reading.faults)
        if isinstance(collection, LeewardError):
            return Judged(document=reading.document, refusals=(collection, *refusals))
        if refusals:
            return Judged(document=reading.document, refusals=tuple(refusals))
        try:
            document = read(with_kept(reading.document, existing, _before(existing)), JobDocument)
            definition = await self._verbs.define(collection, form.name, document, existing=existing)
        except (InvalidInputError, ConflictError) as refusal:
            return Judged(document=reading.document, refusals=(refusal,))
        return Judged(document=reading.document, definition=definition, state=document.state)


def meant(form: Form, existing: Job | None) -> Reading:
    """Return the document that a form means, without the secrets that the job keeps."""
    if form.tab is Tab.JSON:
        try:
            return Reading(document=parse(form.text.encode(errors="replace")))
        except InvalidInputError as fault:
            return Reading(document=form.base, faults=(InvalidInputError(TEXT, fault.message),))
    kept = kept_in(form.base, form.fields, existing, form.removed)
    reading = document_of(form.base, form.fields, kept=kept)
    for path in set(form.removed) & held_by(existing).keys():
        put(reading.document, path, None)
    return reading


def shown_of(document: Mapping[str, Any], existing: Job | None) -> Json:
    """Return a document to show, a word for each secret that it gives or that the job keeps."""
    return with_stand_ins(with_kept(document, existing, _before(existing)))


def kept_in(base: Mapping[str, Any], sent: Sent, existing: Job | None, removed: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the paths of secrets that stay: those of calls that authenticate as they did."""
    before = fields_of(base)

    def stays(path: str) -> bool:
        key = f"{path.rpartition('.')[0]}.type"
        return path not in removed and sent.get(key, NOTHING) == before.get(key, NOTHING)

    return frozenset(path for path in held_by(existing) if stays(path))


def must_be_new(name: str) -> Callable[[Job | None], None]:
    """Return a guard that lets nothing be replaced."""

    def guard(existing: Job | None) -> None:
        if existing is not None:
            raise InvalidInputError("name", f"there is a job {name} already; choose another name, or edit that one")

    return guard


def must_be_as_opened(form: Form) -> Callable[[Job | None], None]:
    """Return a guard that lets a job be replaced only as it was when the form was opened."""

    def guard(existing: Job | None) -> None:
        if existing is None:
            raise ConflictError("the job was deleted meanwhile; save it as a new one if it shall be there")
        ended = existing.state in TERMINAL_STATES and form.base.get("state") != existing.state.value
        if existing.revision != form.revision or ended:
            raise ChangedError("the job was changed after this form was opened")

    return guard


def _before(existing: Job | None) -> Json:
    return {} if existing is None else stored_document(existing)
