"""One connection to the broker: dialled, limited in time, and always closed (traps of aiomqtt 2.5, DESIGN §2)."""

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shared.bus.publications import PAYLOAD_LIMIT, BusSettings, BusSettingsError, Delivery, Publication
from shared.logs import BUS_LIBRARY_LOGGER

KEEPALIVE_SECONDS = 60
WILL_DELAY_SECONDS = 40
SESSION_EXPIRY_SECONDS = 60
OUTSTANDING_LIMIT = 50
PACKET_LIMIT = 2 * PAYLOAD_LIMIT
"""Bytes of a packet that the broker may send us: what is larger never reaches our memory."""
BUS_ERRORS = (aiomqtt.MqttError, TimeoutError, OSError)
"""What a connection can end with."""

_CONNECT_SECONDS = 10
_SUBSCRIBE_SECONDS = 10
_DIAL_SECONDS = 6  # paho gives up after 5
_GOODBYE_SECONDS = 2
_FAILURE = 0x80
_NO_READERS = 0x10
# Answers of a broker that may be gone at the next attempt: unavailable, busy, shutting down, rate exceeded.
_PASSING_REFUSALS = frozenset({0x88, 0x89, 0x8B, 0x9F})
_TAKEN_OVER = 0x8E
_UNSPECIFIED = 0x80
_LONGEST_EXPIRY = 0xFFFFFFFF
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Dialler:
    """Knows where the broker is and who we are; makes connections."""

    def __init__(self, settings: BusSettings, *, client_id: str, will: Publication | None) -> None:
        """Check the address and the files of TLS and password; raises BusSettingsError that says what is wrong."""
        self._place = _place(settings.url)
        self._settings = settings
        self._client_id = client_id
        self._will = None if will is None else _will(will)
        self._tls_context()
        self._credentials()

    def __str__(self) -> str:
        """Return host and port, without credentials."""
        return f"{self._place.hostname}:{self._place.port or _PORTS[self._place.scheme]}"

    @asynccontextmanager
    async def connect(self, on_denied: Callable[[str], None]) -> AsyncIterator["Connection"]:
        """Open a connection and close it for certain; raises one of BUS_ERRORS.

        `on_denied` hears why the broker refused a publication, which aiomqtt itself drops.
        """
        connection = Connection(
            self._place,
            on_denied,
            identifier=self._client_id,
            will=self._will,
            tls_context=self._tls_context(),
            **self._credentials(),
        )
        try:
            await connection.open()
            yield connection
        finally:
            await connection.close()

    def _credentials(self) -> dict[str, str | None]:
        """Return user and password; the password's file is read anew each time, as a mounted one may change."""
        user, password = self._place.username, self._place.password
        file = self._settings.password_file
        if file is None:
            return {"username": unquote(user) if user else None, "password": unquote(password) if password else None}
        if not user or password:
            raise BusSettingsError(f"the password for {self} is in a file: write mqtts://user@host, without one")
        try:
            return {"username": unquote(user), "password": file.read_text(encoding="utf-8").rstrip("\r\n")}
        except (OSError, UnicodeDecodeError) as fault:
            raise BusSettingsError(f"the password file for {self} cannot be used: {fault}") from fault

    def _tls_context(self) -> ssl.SSLContext | None:
        """Read the files anew each time: certificates are renewed while the process lives."""
        settings = self._settings
        if self._place.scheme != "mqtts":
            if settings.ca or settings.cert or settings.key:
                raise BusSettingsError(f"certificate files are given for {self}, but no TLS: write mqtts://")
            return None
        if settings.key and not settings.cert:
            raise BusSettingsError(f"a private key is given for {self}, but no certificate")
        try:
            context = ssl.create_default_context(cafile=settings.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if settings.cert is not None:
                context.load_cert_chain(settings.cert, settings.key)
        except OSError as fault:
            raise BusSettingsError(f"the certificate files for {self} cannot be used: {fault}") from fault
        return context


class Connection(aiomqtt.Client):
    """An MQTT 5 client for one connection.

    aiomqtt's own time limits are off: they rest on `asyncio.wait_for`, which in Python 3.11 swallows a cancellation
    that meets a result, and a bus that misses its cancellation never stops.
    """

    def __init__(self, place: SplitResult, on_denied: Callable[[str], None], **options: Any) -> None:
        """Prepare to dial `place`; `options` are aiomqtt's."""
        super().__init__(
            place.hostname or "",
            place.port or _PORTS[place.scheme],
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=KEEPALIVE_SECONDS,
            timeout=math.inf,
            logger=logging.getLogger(BUS_LIBRARY_LOGGER),
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            properties=_properties(
                PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_SECONDS, MaximumPacketSize=PACKET_LIMIT
            ),
            **options,
        )
        self.pending_calls_threshold = 2 * OUTSTANDING_LIMIT
        self._on_denied = on_denied
        self._acknowledgements: dict[int, asyncio.Future[bool]] = {}
        self._dialled = asyncio.Event()

    async def open(self) -> None:
        """Connect; raises one of BUS_ERRORS."""
        async with asyncio.timeout(_CONNECT_SECONDS):
            await self.__aenter__()

    async def close(self) -> None:
        """Say goodbye if the broker still listens, so that it drops the will; leave no socket and no task behind."""
        try:
            # The thread that dials cannot be stopped, and the socket that it opens must be closed.
            await within(_DIAL_SECONDS, self._dialled)
            if self._connected.cancelled():
                # aiomqtt asks this future for its exception when the connection closes, and a cancelled one raises.
                self._connected = self._loop.create_future()
            self._client.disconnect()
            if self._connected.done() and self._connected.exception() is None:
                await asyncio.wait({self._disconnected}, timeout=_GOODBYE_SECONDS)
        finally:
            self._client._sock_close()  # noqa: SLF001 - paho has no public way to hang up on a silent peer
            await self._forget()

    async def send(self, publication: Publication) -> bool:
        """Publish and wait for the acknowledgement, however long; False when it says that nobody reads the topic.

        Raises MqttError. Past aiomqtt's own `publish`, which drops the answer and costs half as much again.
        """
        sent = self._client.publish(
            publication.topic, publication.payload, 1, publication.retain, _publish_properties(publication)
        )
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "Could not publish message")
        acknowledgement: asyncio.Future[bool] = self._loop.create_future()
        self._acknowledgements[sent.mid] = acknowledgement
        try:
            return await acknowledgement
        finally:
            del self._acknowledgements[sent.mid]

    async def listen(self, topic_filters: Sequence[str]) -> dict[str, str]:
        """Subscribe to all filters; return those that the broker denied, with its reasons."""
        if not topic_filters:
            return {}
        async with asyncio.timeout(_SUBSCRIBE_SECONDS):
            codes = await self.subscribe([(topic_filter, 1) for topic_filter in topic_filters])
        return {
            topic_filter: str(code)
            for topic_filter, code in zip(topic_filters, codes, strict=True)
            if isinstance(code, ReasonCode) and code.value >= _FAILURE
        }

    async def ignore(self, topic_filters: Sequence[str]) -> None:
        """Unsubscribe from all filters."""
        if topic_filters:
            async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                await self.unsubscribe(list(topic_filters))

    async def _forget(self) -> None:
        if self._misc_task is not None:
            await asyncio.gather(self._misc_task, return_exceptions=True)
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Looked at once, it is not reported as never retrieved.
            self._disconnected.exception()

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        finally:
            self._loop.call_soon_threadsafe(self._dialled.set)

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        acknowledgement = self._acknowledgements.get(mid)
        if acknowledgement is not None and not acknowledgement.done():
            acknowledgement.set_result(reason_code.value != _NO_READERS)
        if reason_code.value >= _FAILURE:
            self._on_denied(str(reason_code))


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event; False when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def check_settings(settings: BusSettings) -> None:
    """Look at the address and the TLS files without connecting; raises BusSettingsError."""
    Dialler(settings, client_id="", will=None)


def delivery(message: aiomqtt.Message) -> Delivery:
    """Return a received message in our own form."""
    payload: Any = message.payload
    return Delivery(
        topic=str(message.topic),
        payload=bytes(payload),
        retained=message.retain,
        response_topic=getattr(message.properties, "ResponseTopic", None),
        correlation=getattr(message.properties, "CorrelationData", None),
    )


def refusal(fault: BaseException) -> str | None:
    """Return the broker's words when it does not want us, None when trying again soon may help."""
    code = _code(fault)
    if code is None:
        return None
    refused = isinstance(fault, aiomqtt.exceptions.MqttConnectError) and code.value not in _PASSING_REFUSALS
    return str(code) if refused or code.value == _TAKEN_OVER else None


def reason(fault: BaseException) -> str:
    """Return why a connection ended, for people."""
    code = _code(fault)
    if code is not None:
        # What paho says of a connection that simply ended.
        return "connection lost" if code.value == _UNSPECIFIED else str(code)
    if isinstance(fault, TimeoutError) and not fault.args:
        return "the broker does not answer"
    return str(fault.__cause__ or fault)


def _code(fault: BaseException) -> ReasonCode | None:
    for candidate in (fault, fault.__cause__):
        code = getattr(candidate, "rc", None)
        if isinstance(code, ReasonCode):
            return code
    return None


def _place(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        port = place.port
        is_usable = place.scheme in _PORTS and place.hostname and port != 0 and not place.path.strip("/")
    except ValueError:
        # Its own message would quote what may be a password.
        is_usable = False
    if not is_usable:
        raise BusSettingsError("the broker's address must look like mqtt://host:1883 or mqtts://user:password@host")
    return place


def _will(publication: Publication) -> aiomqtt.Will:
    properties = _properties(
        PacketTypes.WILLMESSAGE,
        WillDelayInterval=WILL_DELAY_SECONDS,
        ContentType=publication.content_type,
        PayloadFormatIndicator=1,
    )
    return aiomqtt.Will(publication.topic, publication.payload, qos=1, retain=publication.retain, properties=properties)


def _publish_properties(publication: Publication) -> Properties:
    expiry = publication.expiry
    seconds = None if expiry is None else min(max(1, int(expiry.total_seconds())), _LONGEST_EXPIRY)
    return _properties(
        PacketTypes.PUBLISH,
        ContentType=publication.content_type,
        PayloadFormatIndicator=1,
        MessageExpiryInterval=seconds,
        ResponseTopic=publication.response_topic,
        CorrelationData=publication.correlation,
    )


def _properties(packet_type: int, **values: str | int | bytes | None) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties
