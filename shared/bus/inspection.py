"""A visit to the broker that finds out what is wrong step by step: name, line, TLS, login, limits, rights."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import SplitResult

import msgspec

from shared.bus.connection import BUS_ERRORS, Connection, Dialler, delivery
from shared.bus.credentials import tls_context, user_and_password
from shared.bus.faults import reason, refusal
from shared.bus.places import place_of, port_of
from shared.bus.publications import BusSettings, BusUnavailableError, Delivery, Publication
from shared.certificates import CertificateFacts, read_certificate
from shared.errors import PermanentError

_QUIET_SECONDS = 0.5
_STEP_SECONDS = 5.0


class BrokerRefusedError(PermanentError):
    """The broker answered, and does not let us in: it would say so again."""


class BrokerPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is, as the settings have it, and as whom they go there; `user` None: nobody in particular."""

    host: str
    port: int
    is_encrypted: bool
    user: str | None

    def __str__(self) -> str:
        """Return host and port."""
        return f"{self.host}:{self.port}"


class ShownCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker proved itself with, and the TLS spoken."""

    version: str
    names: tuple[str, ...]
    facts: CertificateFacts


class BrokerOffers(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker said of itself when it let us in (MQTT 5 §3.2.2.3); what it left out has the standard's default.

    `largest_packet` None: no limit. `session_seconds` is how long it keeps our session, None: as we asked.
    """

    largest_packet: int | None
    session_seconds: int | None
    highest_qos: int
    retains: bool
    takes_wildcards: bool


class Visit:
    """A connection with a clean session and no will; what arrives is kept in `heard`."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection that stands."""
        self.heard: list[Delivery] = []
        self._connection = connection
        self._arrival = asyncio.Event()

    @property
    def offers(self) -> BrokerOffers:
        """What the broker said at the start."""
        said = self._connection.offers
        return BrokerOffers(
            largest_packet=getattr(said, "MaximumPacketSize", None),
            session_seconds=getattr(said, "SessionExpiryInterval", None),
            highest_qos=getattr(said, "MaximumQoS", 2),
            retains=getattr(said, "RetainAvailable", 1) != 0,
            takes_wildcards=getattr(said, "WildcardSubscriptionAvailable", 1) != 0,
        )

    async def subscribe(self, filters: Iterable[str]) -> dict[str, str]:
        """Subscribe and return the filters that the broker denied, with its words. Raises BusUnavailableError.

        Those that it granted prove nothing by themselves: Mosquitto grants all, and keeps messages back one by one.
        """
        with _translated():
            return await self._connection.listen(tuple(filters))

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """Leave no subscription behind. Raises BusUnavailableError."""
        with _translated():
            await self._connection.ignore(tuple(filters))

    async def publish(self, publication: Publication) -> None:
        """Publish with QoS 1; raises PublicationRefusedError with the broker's words, BusUnavailableError."""
        with _translated():
            await self._connection.deliver(publication)

    async def until(self, holds: Callable[[list[Delivery]], bool], seconds: float) -> bool:
        """Wait until what was heard satisfies a condition; False when it takes longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds(self.heard):
                    self._arrival.clear()
                    await self._arrival.wait()
        return holds(self.heard)

    async def until_quiet(self, seconds: float) -> None:
        """Wait until nothing came for half a second, `seconds` at the most: then retained state is there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await self._something_comes():
                    continue

    async def _something_comes(self) -> bool:
        self._arrival.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_SECONDS):
                return await self._arrival.wait()
        return False

    async def receive(self) -> None:
        """Keep what arrives, until the connection ends."""
        async for message in self._connection.messages:
            self.heard.append(delivery(message))
            self._arrival.set()


def place(settings: BusSettings) -> BrokerPlace:
    """Return where the settings lead and check the files they name. Raises BusSettingsError."""
    parts = place_of(settings.url)
    tls_context(settings, parts)
    user, _ = user_and_password(settings, parts)
    return BrokerPlace(
        host=parts.hostname or "",
        port=port_of(parts),
        is_encrypted=parts.scheme == "mqtts",
        user=user,
    )


async def addresses(where: BrokerPlace) -> tuple[str, ...]:
    """Return the addresses of the broker's name. Raises BusUnavailableError when there are none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise BusUnavailableError(f"{where.host}: {fault.strerror or fault}") from fault
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def dial(where: BrokerPlace) -> None:
    """Open a line and close it again. Raises BusUnavailableError."""
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            _, writer = await asyncio.open_connection(where.host, where.port)
    except TimeoutError as fault:
        raise BusUnavailableError(f"{where}: nobody answers within {_STEP_SECONDS:g} s") from fault
    except OSError as fault:
        raise BusUnavailableError(f"{where}: {_words(fault)}") from fault
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def shake_hands(settings: BusSettings) -> ShownCertificate:
    """Speak TLS with the broker and return what it showed. Raises BrokerRefusedError, BusUnavailableError."""
    parts = place_of(settings.url)
    context = tls_context(settings, parts)
    if context is None:
        raise ValueError("the address is none for TLS")
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            return await _shown(parts, context)
    except ssl.SSLCertVerificationError as fault:
        raise BrokerRefusedError(f"its certificate is not trusted: {fault.verify_message.rstrip('.')}") from fault
    except ssl.SSLError as fault:
        raise BrokerRefusedError(f"no TLS: {fault.reason or fault}") from fault
    except OSError as fault:  # a time-out is one
        raise BusUnavailableError(f"no answer to TLS: {str(fault) or 'not in time'}") from fault


@asynccontextmanager
async def visit(settings: BusSettings, *, client_id: str) -> AsyncIterator[Visit]:
    """Log in, with no will and a session of its own. Raises BrokerRefusedError, BusUnavailableError."""
    dialler = Dialler(settings, client_id=client_id, will=None)
    try:
        async with dialler.connect(lambda _: None) as connection:
            guest = Visit(connection)
            receiving = asyncio.create_task(guest.receive(), name="visit")
            try:
                yield guest
            finally:
                receiving.cancel()
                await asyncio.wait({receiving})
                if not receiving.cancelled():
                    receiving.exception()  # looked at once, it is not reported as never retrieved
    except BUS_ERRORS as fault:
        if (why := refusal(fault)) is not None:
            raise BrokerRefusedError(why) from fault
        raise BusUnavailableError(reason(fault)) from fault


async def _shown(parts: SplitResult, context: ssl.SSLContext) -> ShownCertificate:
    _, writer = await asyncio.open_connection(parts.hostname, port_of(parts), ssl=context)
    try:
        line: ssl.SSLObject = writer.get_extra_info("ssl_object")
        told = line.getpeercert() or {}
        facts = read_certificate(line.getpeercert(binary_form=True) or b"")
    finally:
        writer.transport.abort()  # MQTT was not spoken, so there is nothing to say goodbye to
    return ShownCertificate(version=line.version() or "TLS", names=tuple(_names(told)), facts=facts)


def _words(fault: OSError) -> str:
    """Return the system's words, where asyncio has others that name sockets."""
    return os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror or str(fault)


def _names(told: Mapping[str, object]) -> Iterator[str]:
    alternatives = told.get("subjectAltName", ())
    if isinstance(alternatives, tuple):
        yield from (str(value) for _, value in alternatives)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BUS_ERRORS as fault:
        raise BusUnavailableError(reason(fault)) from fault
