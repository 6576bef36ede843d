"""What words may become when Tab is pressed: names that the scheduler knows. Quick, and quiet when it is away."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import click

from services.client.command import Target
from shared.errors import LeewardError

if TYPE_CHECKING:
    from services.client.api.client import Client

T = TypeVar("T")
_MOST = 200
"""More than that nobody reads; the first letters of a name narrow it down."""
_SECONDS = 2.0


def collection_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return names of collections."""
    return _names(context, incomplete, _collections)


def job_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return names of jobs as COLLECTION/JOB; as long as several collections fit, those."""
    return _names(context, incomplete, lambda client: _jobs(client, incomplete))


def host_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return names of hosts."""
    return _names(context, incomplete, lambda client: _each(client.hosts.each(), lambda host: host.host))


def event_ids(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return ids of events, the last seen first."""
    return _names(context, incomplete, lambda client: _each(client.events.each(), lambda event: event.event_id))


async def _collections(client: "Client") -> AsyncIterator[str]:
    async for collection in client.collections.each():
        yield collection.name


async def _jobs(client: "Client", incomplete: str) -> AsyncIterator[str]:
    written, slash, _ = incomplete.partition("/")
    fitting = [name async for name in _collections(client) if name.startswith(written)] if not slash else [written]
    if len(fitting) > 1:
        for name in fitting:
            yield f"{name}/"
        return
    # Shells put a blank behind the only word that fits, which a name that ends with a slash is too short for.
    for collection in fitting:
        async for job in client.jobs.each(collection):
            yield f"{collection}/{job.name}"


async def _each(rows: AsyncGenerator[T], name: Callable[[T], str]) -> AsyncIterator[str]:
    async with aclosing(rows) as found:
        async for row in found:
            yield name(row)


def _names(context: click.Context, incomplete: str, source: "Callable[[Client], AsyncIterator[str]]") -> list[str]:
    """Return what a source has that begins so; nothing when it cannot be asked: Tab is no place for complaints."""
    import asyncio

    from services.client.api.connection import Patience

    found: list[str] = []

    async def gather() -> None:
        patience = Patience(seconds=_SECONDS, connect_seconds=_SECONDS / 2, attempts=1)
        async with asyncio.timeout(_SECONDS), context.ensure_object(Target).client(patience) as client:
            async for name in source(client):
                if name.startswith(incomplete):
                    found.append(name)
                if len(found) == _MOST:
                    return

    try:
        asyncio.run(gather())
    except (LeewardError, click.ClickException, TimeoutError):
        return found
    return found
