"""Publications that are not Leeward's own: a connection for them alone, opened by the first."""

import asyncio
from collections.abc import Callable

from shared.bus.connection import BUS_ERRORS, OUTSTANDING_LIMIT, Connection, Dialler
from shared.bus.faults import reason, refusal
from shared.bus.publications import BusSettings, BusSettingsError, BusUnavailableError, Publication, checked
from shared.logs import get_logger

_REFUSED_SECONDS = 30
_log = get_logger(__name__)


class Publisher:
    """Publishes and tells what the broker said of it; `close` ends the connection."""

    def __init__(self, settings: BusSettings, *, client_id: str, refused_pause: float = _REFUSED_SECONDS) -> None:
        """Prepare, without connecting; raises BusSettingsError.

        After the broker refused us, we leave it alone for `refused_pause` seconds.
        """
        self._dialler = Dialler(settings, client_id=client_id, will=None)
        self._refused_pause = refused_pause
        self._refused_until = 0.0
        self._refused = ""
        self._life: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Connection] | None = None
        self._slots = asyncio.Semaphore(OUTSTANDING_LIMIT)

    def __str__(self) -> str:
        """Return the broker's host and port."""
        return str(self._dialler)

    async def publish(self, publication: Publication, *, on_sent: Callable[[], None] = lambda: None) -> None:
        """Publish and wait until the broker has taken it; how long is the caller's to limit.

        `on_sent` is told as soon as it may be on its way.

        Raises ValueError for what no broker would take, PublicationRefusedError for what this one does not, and
        BusUnavailableError when it cannot be reached, or did not say.
        """
        checked(publication)
        async with self._slots:
            connection = await self._connected()
            on_sent()
            try:
                await connection.deliver(publication)
            except BUS_ERRORS as fault:
                raise BusUnavailableError(reason(fault)) from fault

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})

    async def _connected(self) -> Connection:
        """Return the connection; whoever comes while it is opened waits for the same one."""
        if self._life is None or self._life.done() or self._ready is None:
            loop = asyncio.get_running_loop()
            if loop.time() < self._refused_until:
                raise BusUnavailableError(self._refused)
            self._ready = loop.create_future()
            # A failure that nobody waits for any more is no error of ours.
            self._ready.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._life = loop.create_task(self._live(self._ready), name="publisher connection")
        return await asyncio.shield(self._ready)

    async def _live(self, ready: asyncio.Future[Connection]) -> None:
        try:
            async with self._dialler.connect(_ignore) as connection:
                _log.info("publisher connected", broker=str(self._dialler))
                ready.set_result(connection)
                await connection.ended()
        except (*BUS_ERRORS, BusSettingsError) as fault:
            self._fail(ready, fault)
        finally:
            if not ready.done():
                ready.set_exception(BusUnavailableError("the publisher is closed"))

    def _fail(self, ready: asyncio.Future[Connection], fault: Exception) -> None:
        refused = refusal(fault)
        if refused is not None or isinstance(fault, BusSettingsError):
            self._refused = f"refused by {self._dialler}: {refused or fault}"
            self._refused_until = asyncio.get_running_loop().time() + self._refused_pause
        if not ready.done():
            why = refused or reason(fault)
            _log.warning("publisher not connected", broker=str(self._dialler), reason=why)
            ready.set_exception(BusUnavailableError(f"no connection to the broker at {self._dialler}: {why}"))


def _ignore(_: str) -> None:
    """Do nothing: whoever published is told."""
