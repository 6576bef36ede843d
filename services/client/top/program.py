"""Keeps the board of `leeward top` fresh and drawn: by the stream, by asking where there is none, by keys."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live

from services.client.api.errors import ThrottledError
from services.client.api.model.fleet import Lost, Regained, Update
from services.client.api.paths import path
from services.client.errors import NotFoundError, NotReachableError, RefusedError
from services.client.output import Row
from services.client.top.board import OUTCOMES, Board, Everything, News, PaneName
from services.client.top.drawing import draw, rooms
from services.client.top.keyboard import Key, keys
from shared.clock import SystemClock

if TYPE_CHECKING:
    from services.client.api.client import Client

_STREAMED, _ASKED = 5.0, 2.0
"""Seconds after which everything is asked again: with a stream, and without one."""
_FRAME = 0.1
"""Seconds between two drawings at least."""
_SETTLING = 0.3
_AT_ONCE = 8
_EVENTS = 50


async def fetch(client: "Client", most_jobs: int) -> Everything:
    """Return hosts, the latest events, and up to so many jobs."""
    hosts = await client.list_all(path("hosts"))
    events = await client.list_all(path("events"), limit=_EVENTS)
    jobs: list[Row] = []
    for collection in await client.list_all(path("collections")):
        left = most_jobs - len(jobs)
        if left > 0:
            jobs += await _list(client, path("collections", collection["name"], "jobs"), left)
    return Everything(hosts=hosts, events=events, jobs=jobs, is_whole=len(jobs) < most_jobs)


async def last_news(client: "Client", jobs: Sequence[str]) -> dict[str, News]:
    """Return what happened last to each of the jobs, as history has it."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(job: str) -> list[Row]:
        collection, _, name = job.partition("/")
        async with turns:
            return await _list(client, path("collections", collection, "jobs", name, "history"), 1)

    answers = await asyncio.gather(*map(ask, jobs))
    return {job: _news_of(rows[0]) for job, rows in zip(jobs, answers, strict=True) if rows}


class Top:
    """One run of `leeward top`, on a board that has been filled."""

    def __init__(self, client: "Client", board: Board, *, url: str, most_jobs: int) -> None:
        self._client = client
        self._board = board
        self._url = url
        self._most_jobs = most_jobs
        # A size that a shell has exported would hold for ever, whatever becomes of the window.
        surroundings = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self._console = Console(highlight=False, _environ=surroundings)
        self._changed = asyncio.Event()
        self._due = asyncio.Event()
        self._over = asyncio.Event()
        self._is_streamed = False

    async def run(self) -> None:
        """Draw until somebody quits. The terminal is left as it was, however it ends. Raises RefusedError."""
        with self._signals(), keys(self._press), self._screen() as live:
            works = {
                "over": self._over.wait(),
                "drawing": self._draw(live),
                "stream": self._listen(),
                "asking": self._poll(),
            }
            tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    async def _draw(self, live: Live) -> None:
        while True:
            self._changed.clear()
            now = SystemClock().now()
            live.update(draw(self._board, self._url, now, self._console.size.height), refresh=True)
            await asyncio.sleep(_FRAME)
            await self._changed.wait()

    async def _listen(self) -> None:
        """Hear the stream; without one, asking has to do."""
        try:
            async for heard in self._client.stream():
                self._hear(heard)
        except (NotReachableError, RefusedError):
            self._is_streamed = False
        await self._over.wait()

    def _hear(self, heard: Update | Lost | Regained) -> None:
        self._is_streamed = not isinstance(heard, Lost)
        if isinstance(heard, Update) and heard.kind == "execution":
            data = heard.data
            news = News(what=str(data["state"]), at=heard.at, host=str(data.get("host") or ""))
            self._board.hear(f"{data['collection']}/{data['job']}", news)
            self._changed.set()
        else:
            self._due.set()

    async def _poll(self) -> None:
        while True:
            try:
                await self._refresh()
                self._board.trouble = ""
            except (NotReachableError, ThrottledError) as fault:
                self._board.trouble = str(fault)
            self._changed.set()
            await self._wait()

    async def _refresh(self) -> None:
        self._board.fill(await fetch(self._client, self._most_jobs))
        room = rooms(self._board, self._console.size.height).get(PaneName.JOBS, 0)
        for job, news in (await last_news(self._client, self._board.visible_jobs(room))).items():
            self._board.hear(job, news)

    async def _wait(self) -> None:
        """Return soon after something has happened to hosts or events, and after a while anyway."""
        try:
            async with asyncio.timeout(_STREAMED if self._is_streamed else _ASKED):
                await self._due.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_SETTLING)
        self._due.clear()

    def _press(self, key: Key) -> None:
        board = self._board
        room = rooms(board, self._console.size.height).get(board.focus, 1)
        steps = {Key.UP: -1, Key.DOWN: 1, Key.PAGE_UP: -room, Key.PAGE_DOWN: room}
        if key is Key.QUIT:
            self._over.set()
        elif key is Key.PAUSE:
            board.pause()
        elif key is Key.SORT:
            board.focused.sort_next()
        elif key is Key.PANE:
            board.focus_next()
        else:
            board.focused.scroll(steps[key], room)
        self._changed.set()

    @contextmanager
    def _screen(self) -> Iterator[Live]:
        with Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            yield live

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Draw anew in a window of another size; end in good order when told to."""
        loop = asyncio.get_running_loop()
        handlers: dict[signal.Signals, Any] = {
            signal.SIGWINCH: self._changed.set,
            signal.SIGTERM: self._over.set,
            signal.SIGHUP: self._over.set,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)


async def _list(client: "Client", address: str, limit: int) -> list[Row]:
    """Return rows of what may have been deleted meanwhile: none then."""
    try:
        return await client.list_all(address, limit=limit)
    except NotFoundError:
        return []


def _news_of(row: Row) -> News:
    at = datetime.fromisoformat(row.get("endTime") or row.get("startTime") or row["scheduledTime"])
    status = str(row["status"]).lower()
    return News(what=OUTCOMES.get(status, status), at=at, host=str(row.get("host") or ""))
