"""One connection to the broker: dialled, limited in time, and always closed (traps of aiomqtt 2.5, DESIGN §2)."""

import asyncio
import logging
import math
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shared.bus.credentials import distrust, hung_up, tls_context, user_and_password
from shared.bus.faults import FAILURE, judge
from shared.bus.places import place_of, port_of
from shared.bus.publications import (
    PAYLOAD_LIMIT,
    BusSettings,
    Delivery,
    Publication,
    PublicationRefusedError,
)
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
_NO_READERS = 0x10
_LONGEST_EXPIRY = 0xFFFFFFFF
_FIXED_BYTES = 9
"""What a PUBLISH has at most beside topic, properties and payload: type, length, topic's length, packet identifier."""


class Dialler:
    """Knows where the broker is and who we are; makes connections."""

    def __init__(self, settings: BusSettings, *, client_id: str, will: Publication | None) -> None:
        """Check the address and the files of TLS and password; raises BusSettingsError that says what is wrong."""
        self._place = place_of(settings.url)
        self._settings = settings
        self._client_id = client_id
        self._will = None if will is None else _will(will)
        tls_context(settings, self._place)
        user_and_password(settings, self._place)

    def __str__(self) -> str:
        """Return host and port, without credentials."""
        return f"{self._place.hostname}:{port_of(self._place)}"

    @asynccontextmanager
    async def connect(self, on_denied: Callable[[str], None]) -> AsyncIterator["Connection"]:
        """Open a connection and close it for certain; raises one of BUS_ERRORS.

        `on_denied` hears why the broker refused a publication, which aiomqtt itself drops.
        """
        user, password = user_and_password(self._settings, self._place)
        connection = Connection(
            self._place,
            on_denied,
            identifier=self._client_id,
            will=self._will,
            tls_context=tls_context(self._settings, self._place),
            username=user,
            password=password,
        )
        try:
            await connection.open()
            yield connection
        finally:
            await connection.close()


class Connection(aiomqtt.Client):
    """An MQTT 5 client for one connection.

    aiomqtt's own time limits are off: they rest on `asyncio.wait_for`, which in Python 3.11 swallows a cancellation
    that meets a result, and a bus that misses its cancellation never stops.
    """

    def __init__(self, place: SplitResult, on_denied: Callable[[str], None], **options: Any) -> None:
        """Prepare to dial `place`; `options` are aiomqtt's."""
        super().__init__(
            place.hostname or "",
            port_of(place),
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
        self._acknowledgements: dict[int, asyncio.Future[ReasonCode]] = {}
        self._offers: Properties | None = None
        self._go_on_after_pubrec = self._client._handle_pubrec  # noqa: SLF001 - see _hear_pubrec
        self._client._handle_pubrec = self._hear_pubrec  # type: ignore[method-assign]  # noqa: SLF001
        self._dialled = asyncio.Event()
        self._distrust = ""
        self._said = ""

    @property
    def offers(self) -> Properties | None:
        """What the broker said of itself when it let us in; None before that."""
        return self._offers

    async def open(self) -> None:
        """Connect; raises one of BUS_ERRORS."""
        self._client.on_log = self._on_log
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self.__aenter__()
        except aiomqtt.MqttError as fault:
            if self._distrust:
                raise distrust(self._distrust) from fault
            raise
        finally:
            self._client.on_log = None  # it costs time with each packet

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
        mid = self._hand_over(publication)
        acknowledgement = self._acknowledgements[mid] = self._loop.create_future()
        try:
            return bool((await acknowledgement).value != _NO_READERS)
        finally:
            del self._acknowledgements[mid]

    async def deliver(self, publication: Publication) -> None:
        """Publish at its QoS and wait until the broker has taken it, or, with QoS 0, until it is on its way.

        Raises PublicationRefusedError, or MqttError, also when the connection ends first.
        """
        self._check(publication)
        mid = self._hand_over(publication)
        if publication.qos == 0:
            return
        acknowledgement = self._acknowledgements[mid] = self._loop.create_future()
        try:
            await asyncio.wait({acknowledgement, self._disconnected}, return_when=asyncio.FIRST_COMPLETED)
            if not acknowledgement.done():
                raise self._disconnected.exception() or aiomqtt.MqttError("the connection was closed")
        finally:
            del self._acknowledgements[mid]
        judge(acknowledgement.result())

    async def ended(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.wait({self._disconnected})

    async def listen(self, topic_filters: Sequence[str]) -> dict[str, str]:
        """Subscribe to all filters; return those that the broker denied, with its reasons."""
        if not topic_filters:
            return {}
        async with asyncio.timeout(_SUBSCRIBE_SECONDS):
            codes = await self.subscribe([(topic_filter, 1) for topic_filter in topic_filters])
        return {
            topic_filter: str(code)
            for topic_filter, code in zip(topic_filters, codes, strict=True)
            if isinstance(code, ReasonCode) and code.value >= FAILURE
        }

    async def ignore(self, topic_filters: Sequence[str]) -> None:
        """Unsubscribe from all filters."""
        if topic_filters:
            async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                await self.unsubscribe(list(topic_filters))

    def _hand_over(self, publication: Publication) -> int:
        """Give a publication to paho and return the number that its acknowledgement will have."""
        sent = self._client.publish(
            publication.topic,
            publication.payload,
            publication.qos,
            publication.retain,
            _publish_properties(publication),
        )
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "Could not publish message")
        return sent.mid

    def _check(self, publication: Publication) -> None:
        """Raise PublicationRefusedError for what the broker said at the start that it does not take.

        It would hang up, and with it on everybody else's publications.
        """
        properties = _publish_properties(publication).pack()  # type: ignore[no-untyped-call]
        size = len(publication.payload) + len(publication.topic.encode()) + len(properties)
        limit = getattr(self._offers, "MaximumPacketSize", None)
        if limit is not None and size + _FIXED_BYTES > limit:
            raise PublicationRefusedError(f"the broker takes packets of {limit} bytes at the most")
        highest = getattr(self._offers, "MaximumQoS", 2)
        if publication.qos > highest:
            raise PublicationRefusedError(f"the broker takes QoS {highest} at the most")
        if publication.retain and getattr(self._offers, "RetainAvailable", 1) == 0:
            raise PublicationRefusedError("the broker retains nothing")

    def _hear_pubrec(self) -> MQTTErrorCode:
        """Take a refusal of QoS 2 for what it is: paho goes on as if the broker had the message (MQTT 5 §4.3.3)."""
        packet = bytes(self._client._in_packet["packet"])  # noqa: SLF001
        mid, code = int.from_bytes(packet[:2]), packet[2] if len(packet) > 2 else 0
        if code < FAILURE or mid not in self._client._out_messages:  # noqa: SLF001
            return self._go_on_after_pubrec()
        with self._client._out_message_mutex:  # noqa: SLF001
            reason_code = ReasonCode(PacketTypes.PUBREC, identifier=code)
            return self._client._do_on_publish(mid, reason_code, _properties(PacketTypes.PUBREC))  # noqa: SLF001

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self._offers = properties
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        super()._on_socket_open(client, userdata, sock)
        # Takes the place of aiomqtt's reader, whose one packet a call may leave the end of the connection unread.
        self._loop.call_soon_threadsafe(self._loop.add_reader, sock.fileno(), self._read)

    def _read(self) -> None:
        """Take one turn of packets, or all there is if the connection has ended: uvloop tells of that just once."""
        try:
            self._client.loop_read()
            while (sock := self._client.socket()) is not None and (_pending(sock) or _ended(sock)):
                self._client.loop_read()
        except Exception as fault:  # noqa: BLE001 - whatever it is, aiomqtt's users wait for it there
            if not self._disconnected.done():
                self._disconnected.set_exception(fault)

    async def _forget(self) -> None:
        if self._misc_task is not None:
            await asyncio.gather(self._misc_task, return_exceptions=True)
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Looked at once, it is not reported as never retrieved.
            self._disconnected.exception()

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except ssl.SSLCertVerificationError as fault:
            self._distrust = fault.verify_message  # which aiomqtt does not tell from any other failure
            raise
        finally:
            self._loop.call_soon_threadsafe(self._dialled.set)

    def _on_log(self, client: PahoClient, userdata: Any, level: int, said: str) -> None:
        """Keep paho's last words: only there it says why the socket failed."""
        self._said = said

    def _on_disconnect(
        self, client: PahoClient, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Any = None
    ) -> None:
        """End a connection attempt, too: aiomqtt would wait for the answer of a broker that has hung up."""
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if not self._connected.done():
            self._connected.set_exception(hung_up(self._said))

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        acknowledgement = self._acknowledgements.get(mid)
        if acknowledgement is not None and not acknowledgement.done():
            acknowledgement.set_result(reason_code)
        if reason_code.value >= FAILURE:
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


def _pending(sock: Any) -> bool:
    """Whether TLS has decoded bytes that no poll of the socket tells of."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _ended(sock: Any) -> bool:
    """Whether the peer has reset the connection, however much is still to be read."""
    poll = select.poll()
    poll.register(sock, 0)  # errors are always told
    return bool(poll.poll(0))


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
        UserProperty=list(publication.user_properties) or None,
    )


def _properties(packet_type: int, **values: str | int | bytes | Sequence[tuple[str, str]] | None) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties
