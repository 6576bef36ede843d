"""`--watch`: lists and documents that stay as they are now, told by the stream, or asked for where there is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from services.client.command import Target
from services.client.errors import NotReachableError, RefusedError
from services.client.output import Column, Row, show_document, show_rows
from services.client.screens import View, view_of
from shared.retry import Backoff

if TYPE_CHECKING:
    from services.client.api.client import Client

_SETTLING = 0.3
"""Seconds: what happens together is shown together."""
_STREAMED, _ASKED = 5.0, 2.0
"""Seconds after which it is asked again anyway: with a stream, as not everything tells of itself, and without one."""

watch_option = click.option("--watch", "-w", is_flag=True, help="Go on showing it as it changes, until Ctrl-C.")


def present(
    target: Target, fetch: "Callable[[Client], Awaitable[list[Row]]]", columns: Sequence[Column], *, watch: bool
) -> None:
    """Print the list that `fetch` returns; with `watch` again and again."""
    if not watch:
        show_rows(target.ask(fetch), columns, target.shape)
        return
    with view_of(columns, target.shape) as view:
        _follow(target, fetch, view)


def present_one(target: Target, fetch: "Callable[[Client], Awaitable[Any]]", *, watch: bool) -> None:
    """Print the document that `fetch` returns; with `watch` again and again."""
    if not watch:
        show_document(target.ask(fetch), target.shape)
        return

    async def rows(client: "Client") -> list[Row]:
        return [await fetch(client)]

    with view_of(None, target.shape) as view:
        _follow(target, rows, view)


def _follow(target: Target, fetch: "Callable[[Client], Awaitable[list[Row]]]", view: View) -> None:
    """Show what `fetch` returns and keep it fresh, until Ctrl-C. Raises what the first fetch raises, and refusals."""

    async def follow(client: "Client") -> None:
        news, waits = _News(), Backoff(first=0.5, limit=10)
        view.show(await fetch(client))
        async with _listening(client, news):
            while True:
                await news.wait()
                try:
                    view.show(await fetch(client))
                    waits.reset()
                except NotReachableError as fault:
                    view.complain(str(fault))
                    await asyncio.sleep(waits.next())

    target.ask(follow)


class _News:
    """Whether anything has happened since it was asked last."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()
        self.is_streamed = False

    def tell(self) -> None:
        """Note that something has happened."""
        self._happened.set()

    async def wait(self) -> None:
        """Return soon after something has happened, and after a while anyway."""
        try:
            async with asyncio.timeout(_STREAMED if self.is_streamed else _ASKED):
                await self._happened.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_SETTLING)
        self._happened.clear()


@asynccontextmanager
async def _listening(client: "Client", news: _News) -> AsyncIterator[None]:
    """Have the stream tell the news as long as the context lasts."""
    listening = asyncio.create_task(_listen(client, news), name="stream")
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(client: "Client", news: _News) -> None:
    from services.client.api.model.fleet import Lost

    try:
        async for heard in client.stream():
            news.is_streamed = not isinstance(heard, Lost)
            news.tell()
    except (NotReachableError, RefusedError):
        # A proxy may not let it through, or this caller has too many: asking serves as well.
        news.is_streamed = False
