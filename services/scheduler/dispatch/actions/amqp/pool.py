"""The AMQP connections of this process: one for each namespace and key, kept while it is used."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from services.scheduler.dispatch.actions.amqp.connection import AmqpConnection
from services.scheduler.dispatch.actions.amqp.engine import Engine
from services.scheduler.dispatch.actions.amqp.message import encode
from services.scheduler.dispatch.actions.delivery import UndeliveredError
from services.scheduler.dispatch.actions.dialling import connected
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.domain.actions import ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from shared.clock import Clock

CONNECTIONS = 100
"""Connections at a time; the one used longest ago makes way for another."""
IDLE_SECONDS = 300.0
"""How long an unused one is kept; Service Bus ends links after ten minutes without a message."""
_OPEN_SECONDS = 30.0
_PORTS = {"amqp": 5672, "amqps": 5671}


class _Key(msgspec.Struct, frozen=True):
    """Whose a connection is: who has another key must not send over it."""

    address: str
    key_name: str
    digest: bytes


class AmqpPool:
    """Sends Service Bus messages over AMQP; a `Wire` of `service_bus`."""

    def __init__(
        self,
        guard: TargetGuard,
        endpoint: Endpoint,
        tls: ssl.SSLContext,
        clock: Clock,
        *,
        container: str,
        connections: int = CONNECTIONS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`endpoint` tells where a namespace is; `container` is the name we go by; `clock` dates messages."""
        self._guard = guard
        self._endpoint = endpoint
        self._tls = tls
        self._clock = clock
        self._container = container
        self._limit = connections
        self._idle_seconds = idle_seconds
        self._open: dict[_Key, asyncio.Task[AmqpConnection]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(
        self, call: ServiceBusCall, key: str, own: dict[str, str], message_id: str, on_sent: Callable[[], None]
    ) -> None:
        """Deliver a message. Raises UndeliveredError, OSError, TargetDeniedError or ValueError."""
        message = encode(call, own, message_id, self._clock.now())
        connection = await self._connection(self._endpoint.at(call.namespace), call.key_name, key)
        await connection.send(call.entity, message, on_sent)

    async def close(self) -> None:
        """End every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name in list(self._open):
            self._end(name)
        await asyncio.gather(*self._ending)

    def __len__(self) -> int:
        """Return how many connections there are, or will be."""
        return len(self._open)

    async def _connection(self, address: str, key_name: str, key: str) -> AmqpConnection:
        """Return the open connection, or open it; who comes meanwhile waits for the same one."""
        name = _Key(address, key_name, hashlib.sha256(key.encode()).digest())
        task = self._open.get(name)
        if task is None or _is_over(task):
            self._make_room()
            task = asyncio.create_task(self._dial(address, key_name, key), name="amqp connection")
            # A failure that nobody waits for any more is no error of ours.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._open[name] = task
            self._sweep_later()
        # Who gives up must not end it for the others.
        return await asyncio.shield(task)

    async def _dial(self, address: str, key_name: str, key: str) -> AmqpConnection:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        engine = Engine(host=host, container=self._container, user=key_name, password=key)
        connection = AmqpConnection(engine, key)
        encrypted: dict[str, Any] = {"ssl": self._tls, "server_hostname": host} if parts.scheme == "amqps" else {}
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                dialled = await connected(self._guard, host, port)
                await asyncio.get_running_loop().create_connection(lambda: connection, sock=dialled, **encrypted)
                await connection.opened()
        except TimeoutError:
            self._leave(connection)
            raise UndeliveredError(f"{host} has not let us in within {_OPEN_SECONDS:g} s", retryable=True) from None
        except BaseException:
            self._leave(connection)
            raise
        return connection

    def _make_room(self) -> None:
        """Forget what is over; at the limit end what was used longest ago, or raise UndeliveredError."""
        for name in [name for name, task in self._open.items() if _is_over(task)]:
            self._end(name)
        if len(self._open) < self._limit:
            return
        idle = {name: task.result() for name, task in self._open.items() if task.done() and task.result().is_idle}
        if not idle:
            raise UndeliveredError(f"all {self._limit} AMQP connections are in use", retryable=True)
        self._end(min(idle, key=lambda name: idle[name].used_at))

    def _sweep_later(self) -> None:
        if self._sweeper is None and self._open:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_seconds / 2, self._sweep)

    def _sweep(self) -> None:
        """End the connections that nobody has used for a while."""
        self._sweeper = None
        since = asyncio.get_running_loop().time() - self._idle_seconds
        for name, task in list(self._open.items()):
            if _is_over(task) or (task.done() and task.result().is_idle and task.result().used_at <= since):
                self._end(name)
        self._sweep_later()

    def _end(self, name: _Key) -> None:
        task = self._open.pop(name)
        if task.done() and not task.cancelled() and task.exception() is None:
            self._leave(task.result())

    def _leave(self, connection: AmqpConnection) -> None:
        """Close a connection; nobody needs to wait for that."""
        ending = asyncio.create_task(connection.close(), name="amqp goodbye")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _is_over(task: asyncio.Task[AmqpConnection]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().is_over
