"""The form's routes: a job is created, edited or cloned, as fields or as JSON; checked while it is filled in, saved."""

from urllib.parse import quote

from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.actors import actor_of
from services.scheduler.api.callers import caller_of
from services.scheduler.api.drafts import Wish
from services.scheduler.api.job_verbs import JobVerbs
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import place_of
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import parse, read
from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import ConflictError, InvalidInputError, NotFoundError
from services.scheduler.portal.frame import Content, lead_to
from services.scheduler.portal.jobs.form.differences import differences
from services.scheduler.portal.jobs.form.judging import (
    ChangedError,
    Judge,
    Judged,
    meant,
    must_be_as_opened,
    must_be_new,
)
from services.scheduler.portal.jobs.form.pages import Pages, place_text, text_of
from services.scheduler.portal.jobs.form.reading import REQUIRED
from services.scheduler.portal.jobs.form.secrets import without_secrets
from services.scheduler.portal.jobs.form.sent import Button, Form, Tab, read_sent
from services.scheduler.portal.jobs.form.showing import fields_of
from services.scheduler.portal.jobs.form.stored import BLANK, cloned_document, stored_document
from services.scheduler.portal.notices import Notice
from services.scheduler.portal.places import named_collection, named_job
from shared.errors import LeewardError

_NAME_CHARACTERS = 128
_DELETED = "the job was deleted meanwhile; save it to make it anew"


class JobForm:
    """Handlers of the form; their routes take the right to change."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._verbs = JobVerbs(services)
        self._judge = Judge(services, self._verbs)
        self._pages = Pages(services)

    async def new(self, request: web.Request) -> Content:
        """Open the form for a new job; with `?from=` for one like another. Raises NotFoundError for that."""
        original = request.query.get("from", "")
        if original:
            collection, job = await self._original(request, original)
            name = f"{job.name[: _NAME_CHARACTERS - 5]}-copy"
            form = Form(base=cloned_document(job), name=name, place=place_text(collection), original=original)
        else:
            form = Form(base=dict(BLANK), place=self._proposed(request))
        return await self._pages.show(request, form, None, Judged(document=form.base))

    async def create(self, request: web.Request) -> Content | web.Response:
        """Make the job that the form describes."""
        return await self._answer(request, replace(await read_sent(request), revision=None), None)

    async def open(self, request: web.Request) -> Content:
        """Open the form with a stored job. Raises NotFoundError."""
        collection, job = await named_job(self._services, request)
        base = stored_document(job)
        form = Form(base=base, name=job.name, place=place_text(collection), revision=job.revision)
        return await self._pages.show(request, form, job, Judged(document=base))

    async def edit(self, request: web.Request) -> Content | web.Response:
        """Change the job to what the form describes, unless somebody else has changed it meanwhile."""
        form = await read_sent(request)
        collection = await named_collection(self._services, request)
        form = replace(form, name=request.match_info["job"], place=place_text(collection))
        try:
            job = await self._services.store.get_job(collection.id, form.name)
        except NotFoundError:
            judged = Judged(document=meant(form, None).document, refusals=(ConflictError(_DELETED),))
            return await self._pages.show(request, replace(form, revision=None), None, judged)
        return await self._answer(request, replace(form, name=job.name), job)

    async def preview(self, request: web.Request) -> Content:
        """Return what the form would come to, as it stands now."""
        form = await read_sent(request)
        collection = await self._collection(request, form)
        existing = None
        if form.revision is not None and isinstance(collection, Collection):
            existing = await self._services.store.get_job(collection.id, form.name)
        return self._pages.check(form, existing, await self._judge.judge(form, collection, existing))

    async def _answer(self, request: web.Request, form: Form, existing: Job | None) -> Content | web.Response:
        if form.button in (Button.AS_JSON, Button.AS_FIELDS):
            turned, judged = _turned(form, existing)
            return await self._pages.show(request, turned, existing, judged)
        collection = await self._collection(request, form)
        judged = await self._judge.judge(form, collection, existing)
        if form.button is Button.SAVE and isinstance(collection, Collection) and judged.definition is not None:
            try:
                return await self._save(request, form, collection, judged)
            except ChangedError as refusal:
                return await self._changed(request, form, collection, replace(judged, refusals=(refusal,)))
            except (ConflictError, InvalidInputError) as refusal:
                judged = replace(judged, refusals=(refusal,))
        return await self._pages.show(request, form, existing, judged)

    async def _save(self, request: web.Request, form: Form, collection: Collection, judged: Judged) -> web.Response:
        """Write the job, lead to its page. Raises ConflictError and InvalidInputError."""
        assert judged.definition is not None  # noqa: S101 - what is saved was judged
        wish = Wish(name=form.name, uid=self._services.new_id(), definition=judged.definition, state=judged.state)
        is_new = form.revision is None
        guard = must_be_new(form.name) if is_new else must_be_as_opened(form)
        by = actor_of(request, self._services.clock)
        written = await self._verbs.put_wish(collection, wish, by=by, guard=guard)
        name = quote(written.job.name, safe="")
        if not is_new:
            return lead_to(f"../{name}?notice={Notice.JOB_SAVED}")
        group = quote(collection.namespace.resource_group, safe="")
        return lead_to(f"{group}/{quote(collection.name, safe='')}/{name}?notice={Notice.JOB_CREATED}")

    async def _changed(self, request: web.Request, form: Form, collection: Collection, judged: Judged) -> Content:
        """Show what others have changed; who saves again after that has seen it."""
        now = await self._services.store.get_job(collection.id, form.name)
        stored = stored_document(now)
        found = differences(form.base, stored, without_secrets(judged.document))
        seen = replace(form, revision=now.revision, base={**form.base, "state": stored["state"]})
        return await self._pages.show(request, seen, now, judged, found=found)

    async def _collection(self, request: web.Request, form: Form) -> Collection | LeewardError:
        try:
            return await self._judge.collection(request, form.place)
        except InvalidInputError as fault:
            return fault

    async def _original(self, request: web.Request, place: str) -> tuple[Collection, Job]:
        """Return the job that `group/collection/job` names. Raises NotFoundError, also for what is not to be seen."""
        group, collection_name, name, *_ = (*place.split("/", 2), "", "")
        namespace = Namespace(self._services.subscription, group)
        within = place_of(caller_of(request), namespace, collection_name)
        collection = await self._services.store.get_collection(within, collection_name)
        return collection, await self._services.store.get_job(collection.id, name)

    def _proposed(self, request: web.Request) -> str:
        """Return the collection that an address proposes, as the form names it."""
        asked = request.query.get("collection", "")
        return asked if "/" in asked or not asked else f"{self._services.resource_group}/{asked}"


def _turned(form: Form, existing: Job | None) -> tuple[Form, Judged]:
    """Return the form on its other tab; as it was, and why, where what is typed cannot be taken over."""
    reading = meant(form, existing)
    refusals = tuple(fault for fault in reading.faults if fault.message != REQUIRED)
    judged = Judged(document=reading.document, refusals=refusals)
    if refusals:
        return form, judged
    if form.button is Button.AS_JSON:
        text = text_of(without_secrets(reading.document))
        return replace(form, tab=Tab.JSON, text=text, fields={}, removed=()), judged
    try:
        document = parse(form.text.encode(errors="replace"))
        read(document, JobDocument)
    except InvalidInputError as fault:
        return form, replace(judged, refusals=(fault,))
    base = without_secrets(document)
    return replace(form, tab=Tab.FIELDS, base=base, fields=fields_of(base), text=""), judged
