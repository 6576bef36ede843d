"""From a page's address to the collection and the job that it is about, as far as its viewer may see them."""

from aiohttp import web

from services.scheduler.api.callers import caller_of
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import place_of
from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.domain.jobs import Job


def named_group(services: Services, request: web.Request) -> Namespace:
    """Return the namespace that an address names by its resource group: the portal shows one subscription."""
    return Namespace(services.subscription, request.match_info["group"])


async def named_collection(services: Services, request: web.Request) -> Collection:
    """Return the collection that an address names. Raises NotFoundError, also for what the caller may not see."""
    name = request.match_info["collection"]
    place = place_of(caller_of(request), named_group(services, request), name)
    return await services.store.get_collection(place, name)


async def named_job(services: Services, request: web.Request) -> tuple[Collection, Job]:
    """Return the job that an address names, and its collection. Raises as `named_collection` does."""
    collection = await named_collection(services, request)
    return collection, await services.store.get_job(collection.id, request.match_info["job"])


def is_at_home(services: Services, collection: Collection) -> bool:
    """Whether the short mount and the command line see a collection: it is in the scheduler's own group."""
    return collection.namespace.resource_group.lower() == services.resource_group.lower()
