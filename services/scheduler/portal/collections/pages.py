"""The list of collections, and the page of one: its gate, plan and quota with what is used, and what it answers."""

from collections.abc import Iterator

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.collections import collection_document
from services.scheduler.api.schemas.maintenance import MaintenanceRuleDocument
from services.scheduler.api.schemas.maintenance_writer import maintenance_document
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.collections import Collection, CollectionState, Sku
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.quotas import allowance, job_limit
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.jobs.commands import Command, collection_commands
from services.scheduler.portal.jobs.listing import place_of
from services.scheduler.portal.jobs.page import written
from services.scheduler.portal.lengths import length_words
from services.scheduler.portal.paging import COUNTED, ROWS, Pager, pager, read_number, skipped
from services.scheduler.portal.places import is_at_home, named_collection

_NAMES = {
    "strategy": "strategy",
    "lead_time": "lead time",
    "in_flight": "in flight",
    "at_deadline": "at the deadline",
    "last_standing": "last standing",
    "on_release": "on release",
}


class CollectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One collection as a line of a table; `place` is how the list of jobs names it, `jobs` counts up to COUNTED."""

    group: str
    name: str
    place: str
    state: CollectionState
    sku: Sku
    tags: tuple[tuple[str, str], ...]
    jobs: int
    limit: int | None

    @property
    def is_open(self) -> bool:
        """Whether its jobs may run."""
        return self.state is CollectionState.ENABLED

    @property
    def is_uncounted(self) -> bool:
        """Whether it may have more jobs than `jobs`."""
        return self.jobs >= COUNTED


class CollectionsView(msgspec.Struct, frozen=True, kw_only=True):
    """The list at one moment; `groups` says whether they lie in several resource groups."""

    rows: tuple[CollectionRow, ...]
    pager: Pager
    groups: bool


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection answers about maintenance for jobs that leave it open, under some events."""

    when: str
    words: str


class CollectionView(msgspec.Struct, frozen=True, kw_only=True):
    """One collection's page; `states` counts its jobs, `commands` are none in another group than the scheduler's."""

    row: CollectionRow
    location: str
    states: tuple[tuple[JobState, int], ...]
    fastest: str
    occurrences: int | None
    answers: tuple[Answers, ...]
    document: str
    commands: tuple[Command, ...]


class CollectionPages:
    """The pages that anybody may look at."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def list_all(self, request: web.Request) -> Content:
        """Return the list, by name. Raises InvalidInputError and StoreUnavailableError."""
        services, number = self._services, read_number(request)
        sight, before = sight_of(request, services.store), skipped(number)
        found = await sight.collections(services.subscription, None, top=ROWS + 1, skip=before)
        shown = found[:ROWS]
        rows = tuple([await self._row(one) for one in shown])
        # Nobody counts collections: one more than is shown tells whether there is another page.
        view = CollectionsView(
            rows=rows,
            pager=pager(request, len(shown), before + len(found)),
            groups=len({row.group.lower() for row in rows}) > 1,
        )
        return Content(title="Collections", section=Section.COLLECTIONS, template="collections.html", view=view)

    async def show(self, request: web.Request) -> Content:
        """Return one collection's page. Raises NotFoundError and StoreUnavailableError."""
        collection = await named_collection(self._services, request)
        view = await self._view(collection)
        return Content(title=collection.name, section=Section.COLLECTIONS, template="collection.html", view=view)

    async def _row(self, collection: Collection) -> CollectionRow:
        return collection_row(
            self._services, collection, await self._services.store.count_jobs(collection.id, at_most=COUNTED)
        )

    async def _view(self, collection: Collection) -> CollectionView:
        services, definition = self._services, collection.definition
        counts = await services.store.count_states(collection.id)
        row = collection_row(services, collection, sum(counts.values()))
        allowed = allowance(definition, services.limits)
        return CollectionView(
            row=row,
            location=definition.location,
            states=tuple((state, counts.get(state, 0)) for state in JobState),
            fastest=length_words(allowed.recurrence),
            occurrences=allowed.occurrences,
            answers=tuple(_answers(collection)),
            document=written(collection_document(collection)),
            commands=collection_commands(collection.name, is_enabled=row.is_open)
            if is_at_home(services, collection)
            else (),
        )


def collection_row(services: Services, collection: Collection, jobs: int) -> CollectionRow:
    """Return the line of one collection that has so many jobs."""
    definition = collection.definition
    return CollectionRow(
        group=collection.namespace.resource_group,
        name=collection.name,
        place=place_of(services, collection),
        state=definition.state,
        sku=definition.sku,
        tags=tuple(sorted(definition.tags.items())),
        jobs=jobs,
        limit=job_limit(definition, services.limits),
    )


def _answers(collection: Collection) -> Iterator[Answers]:
    document = maintenance_document(collection.definition.maintenance)
    if document is None:
        return
    rules = [("Any event", document), *document.by_type.items()]
    rules += [(f"From {source}", rule) for source, rule in document.by_source.items()]
    rules += [(f"Up to {rule.up_to}", rule) for rule in document.by_duration]
    for when, rule in rules:
        if words := _answer_words(rule):
            yield Answers(when=when, words=words)


def _answer_words(rule: MaintenanceRuleDocument) -> str:
    said = ((words, getattr(rule, field)) for field, words in _NAMES.items())
    return ", ".join(f"{words} {answer}" for words, answer in said if answer is not None)
