"""The list of jobs over all collections: searched, narrowed, sorted, a page at a time."""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.sight import Sight, sight_of
from services.scheduler.domain.collections import Collection, CollectionId, Namespace
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.jobs.filters import RAN_WORDS, Chip, Filters, Head, chips, heads, read_filters
from services.scheduler.portal.jobs.rows import JobRow, job_rows
from services.scheduler.portal.paging import COUNTED, ROWS, Pager, pager, read_number, skipped

FEW = 25
"""So many collections or pools are offered to choose from; of more one writes the name."""


class Choice(msgspec.Struct, frozen=True):
    """One entry of a list to choose from."""

    value: str
    words: str


class JobsView(msgspec.Struct, frozen=True, kw_only=True):
    """The list at one moment; `here` is its query, for forms to come back to.

    `collections` and `pools` are None where there are too many to choose from; `is_bare` when there is no job at all.
    """

    filters: Filters
    here: str
    chips: tuple[Chip, ...]
    heads: dict[str, Head]
    states: tuple[Choice, ...]
    rans: tuple[Choice, ...]
    collections: tuple[Choice, ...] | None
    pools: tuple[Choice, ...] | None
    rows: tuple[JobRow, ...]
    pager: Pager
    is_bare: bool


class JobsPage:
    """The list of jobs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises InvalidInputError for what an address cannot ask for, StoreUnavailableError."""
        view = await gather_jobs(self._services, request)
        return Content(title="Jobs", section=Section.JOBS, template="jobs.html", view=view)


async def gather_jobs(services: Services, request: web.Request) -> JobsView:
    """Return what an address asks for, as far as its caller may see it.

    Raises InvalidInputError and StoreUnavailableError.
    """
    filters, number = read_filters(request), read_number(request)
    store, sight = services.store, sight_of(request, services.store)
    query = filters.query(services.subscription, await _within(services, sight, filters.collection))
    found = await store.search_jobs(query, top=ROWS, skip=skipped(number))
    # A page that is not full tells by itself how many there are: looking through all jobs once is enough then.
    is_last = 0 < len(found) < ROWS or (number == 1 and not found)
    total = skipped(number) + len(found) if is_last else await store.count_found(query, at_most=COUNTED)
    return JobsView(
        filters=filters,
        here=request.rel_url.without_query_params("notice").raw_query_string,
        chips=tuple(chips(request, filters)),
        heads=heads(request, filters),
        states=tuple(Choice(state.value, state.value.capitalize()) for state in JobState),
        rans=tuple(Choice(ran.value, words) for ran, words in RAN_WORDS.items()),
        collections=_few([place_of(services, one) for one in await _first(services, sight)], filters.collection),
        pools=_few(_pools(services), filters.pool),
        rows=await job_rows(store, found),
        pager=pager(request, len(found), total),
        is_bare=not total and not filters.is_narrowed,
    )


def place_of(services: Services, collection: Collection) -> str:
    """Return a collection as addresses name it: by its name, and its group where that is not the scheduler's own."""
    group = collection.namespace.resource_group
    return collection.name if group.lower() == services.resource_group.lower() else f"{group}/{collection.name}"


async def _first(services: Services, sight: Sight) -> list[Collection]:
    return await sight.collections(services.subscription, None, top=FEW + 1, skip=0)


async def _within(services: Services, sight: Sight, named: str) -> list[CollectionId] | None:
    """Return the collections to look among: those that the caller sees, or the one of them that is named."""
    within = await sight.within()
    if not named:
        return within
    group, _, name = named.rpartition("/")
    try:
        namespace = Namespace(services.subscription, group or services.resource_group)
        found = await services.store.get_collection(namespace, name)
    except NotFoundError:
        return []
    return [found.id] if within is None or found.id in within else []


def _pools(services: Services) -> list[str]:
    """Return the pools that hosts are in: jobs in others cannot run."""
    return sorted({pool for report in services.hosts.reports() for pool in report.pools})


def _few(names: Sequence[str], chosen: str) -> tuple[Choice, ...] | None:
    """Return the names to choose from, with the one that is chosen; None: too many."""
    if len(names) > FEW:
        return None
    known = [*names, *([chosen] if chosen and chosen not in names else [])]
    return tuple(Choice(name, name) for name in known)
