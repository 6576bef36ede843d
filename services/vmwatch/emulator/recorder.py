"""Asks a real metadata service and writes down what it answers, whenever that changes. It never approves."""

import asyncio
import time
from typing import Final

import aiohttp
import msgspec

from services.vmwatch.documents import API_VERSION, MAX_BODY_BYTES
from services.vmwatch.emulator.faults import Endpoint
from services.vmwatch.emulator.masking import Rewrite
from services.vmwatch.emulator.recording import (
    Answer,
    End,
    Entry,
    Failure,
    Heading,
    RecordingFile,
    Silence,
    answered,
)
from services.vmwatch.imds import EVENTS_PATH, INSTANCE_PATH
from services.vmwatch.instance import INSTANCE_API_VERSION
from shared.clock import EPOCH, Clock
from shared.logs import get_logger

SHORTEST_POLL_SECONDS: Final = 0.5
"""Azure answers five requests a second to a VM, over all who ask; a recording is never in a hurry (reference §1.8)."""
_FIRST_SECONDS: Final = 120.0
"""The first answer to a fleet may take two minutes (reference §1.7)."""
_LATER_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 10.0
_KEPT_HEADERS: Final = ("Content-Type", "ETag", "Retry-After", "Server", "Location")
_TELLING_HEADERS: Final = frozenset({"Location"})
_HEADERS: Final = {"Metadata": "true", "Accept-Encoding": "identity", "User-Agent": "leeward-imds"}
_log = get_logger(__name__)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to record: `seconds` is None for "until stopped"; `is_masked` leaves headers out that tell names."""

    source: str
    poll_seconds: float = 1.0
    seconds: float | None = None
    is_masked: bool = False


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often was asked for events, and how often the answer was 200."""

    polls: int
    well: int


class Recorder:
    """One source, one file."""

    def __init__(self, order: Order, file: RecordingFile, rewrite: Rewrite, clock: Clock) -> None:
        """`rewrite` takes secrets and names out of each body before anything is kept."""
        self._order = order
        self._file = file
        self._rewrite = rewrite
        self._clock = clock
        self._polls = 0
        self._well = 0
        self._pause = order.poll_seconds

    async def run(self, stop: asyncio.Event) -> Tally:
        """Record until `stop`, the time limit or a full file; return how it went. Raises RecordingError."""
        self._file.write(self._heading())
        following = asyncio.create_task(self._follow(), name="recording")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({following, stopping}, timeout=self._order.seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_over = following.done()
            for task in (following, stopping):
                task.cancel()
            await asyncio.wait({following, stopping})
        if is_over:
            following.result()
        self._file.write(End(at=self._clock.now(), polls=self._polls))
        return Tally(polls=self._polls, well=self._well)

    async def _follow(self) -> None:
        """Ask who the VM is, then for events again and again, until the file is full."""
        kept: Entry | None = None
        # Neither proxies nor redirects: the service refuses forwarded requests, and sends nobody elsewhere.
        async with aiohttp.ClientSession(headers=_HEADERS, trust_env=False, auto_decompress=False) as session:
            self._file.write(await self._ask(session, Endpoint.INSTANCE, _LATER_SECONDS))
            while True:
                limit = _LATER_SECONDS if isinstance(kept, Answer) else _FIRST_SECONDS
                entry = await self._ask(session, Endpoint.EVENTS, limit)
                self._polls += 1
                if kept is None or _essence(entry) != _essence(kept):
                    if not self._file.write(entry):
                        _log.warning("recording is full", polls=self._polls)
                        return
                    kept = entry
                await asyncio.sleep(self._next_pause(entry))

    def _next_pause(self, entry: Entry) -> float:
        """Return the time to the next request in seconds, longer each time while the service does not answer well."""
        is_well = isinstance(entry, Answer) and entry.status == 200
        self._well += is_well
        longest = max(_LONGEST_PAUSE, self._order.poll_seconds)
        self._pause = self._order.poll_seconds if is_well else min(self._pause * 2, longest)
        return self._pause

    async def _ask(self, session: aiohttp.ClientSession, endpoint: Endpoint, limit: float) -> Entry:
        path, version = _REQUESTS[endpoint]
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(limit),
                session.get(
                    f"{self._order.source.rstrip('/')}{path}",
                    params={"api-version": version},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                return await self._noted(endpoint, response, began)
        except TimeoutError:
            return Failure(at=self._clock.now(), endpoint=endpoint, silence=Silence.TIMEOUT)
        except (aiohttp.ClientError, OSError) as fault:
            _log.info("no answer", reason=str(fault) or type(fault).__name__)
            return Failure(at=self._clock.now(), endpoint=endpoint, silence=Silence.UNREACHABLE)

    async def _noted(self, endpoint: Endpoint, response: aiohttp.ClientResponse, began: float) -> Answer:
        body = await _read(response)
        kept = self._rewrite(endpoint, body[:MAX_BODY_BYTES])
        left_out = _TELLING_HEADERS if self._order.is_masked else frozenset()
        line = Answer(
            at=self._clock.now(),
            endpoint=endpoint,
            status=response.status,
            headers={
                name: value
                for name in _KEPT_HEADERS
                if (value := response.headers.get(name)) is not None and name not in left_out
            },
            seconds=round(time.monotonic() - began, 3),
            cut=len(body) > MAX_BODY_BYTES,
        )
        return answered(line, kept)

    def _heading(self) -> Heading:
        return Heading(
            at=self._clock.now(),
            source="masked" if self._order.is_masked else self._order.source,
            api_version=API_VERSION,
            poll_seconds=self._order.poll_seconds,
            masked=self._order.is_masked,
        )


_REQUESTS: Final = {
    Endpoint.EVENTS: (EVENTS_PATH, API_VERSION),
    Endpoint.INSTANCE: (INSTANCE_PATH, INSTANCE_API_VERSION),
}


def _essence(entry: Entry) -> Entry:
    """Return an entry without what differs each time."""
    if isinstance(entry, Answer):
        return msgspec.structs.replace(entry, at=EPOCH, seconds=0.0)
    return msgspec.structs.replace(entry, at=EPOCH)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, or a little more than is kept of a longer one."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            response.close()
            break
    return bytes(body)
