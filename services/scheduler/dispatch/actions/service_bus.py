"""Service Bus actions: one message to a queue or topic, over HTTPS or AMQP, with a shared access key."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from services.scheduler.dispatch.actions.delivery import answer_of
from services.scheduler.dispatch.actions.marks import marks
from services.scheduler.dispatch.actions.opening import open_secret
from services.scheduler.dispatch.actions.posts import Posts
from services.scheduler.dispatch.actions.sas import shared_access_signature
from services.scheduler.dispatch.actions.service_bus_rest import address_of, headers_of
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import ActionKind, ActionName, BusTransport, ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secrets import SecretKeeper
from shared.clock import Clock

TOKEN_LIFE = timedelta(hours=1)
"""How long a signature holds: long enough for clocks that disagree."""


class Wire(Protocol):
    """Speaks AMQP to namespaces; closes what it opened."""

    async def send(
        self, call: ServiceBusCall, key: str, own: dict[str, str], message_id: str, on_sent: Callable[[], None]
    ) -> None:
        """Deliver a message. Raises UndeliveredError, OSError, TargetDeniedError or ValueError."""
        ...

    async def close(self) -> None:
        """End every connection."""
        ...


class ServiceBusCaller:
    """Sends messages to Service Bus. Use it as a context manager."""

    def __init__(
        self, posts: Posts, wire: Wire, *, https: Endpoint, amqps: Endpoint, keeper: SecretKeeper, clock: Clock
    ) -> None:
        """`https` and `amqps` tell where namespaces are; `clock` dates signatures."""
        self._posts = posts
        self._wire = wire
        self._https = https
        self._amqps = amqps
        self._keeper = keeper
        self._clock = clock
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the pool of HTTPS connections; AMQP ones are opened when they are needed."""
        await self._stack.enter_async_context(self._posts)
        self._stack.push_async_callback(self._wire.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._stack.aclose()

    async def call(
        self,
        call: ServiceBusCall,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Send the message and return what came of it; words and quotes as in reference azure-scheduler §1.9.

        The occurrence's id is the message's, unless the job gives one: duplicate detection then drops repeats, and must
        not take a cancel request for one.
        """
        what = "queue" if call.kind is ActionKind.SERVICE_BUS_QUEUE else "topic"
        sentence = f"{call.kind} Action - Message to {what} '{call.entity}' of namespace '{call.namespace}'"
        return await answer_of(self._send(call, job, occurrence, host, on_sent), sentence)

    def target(self, call: ServiceBusCall, host: HostView | None) -> str:
        """Return the address of the namespace, as its transport has it."""
        return self._endpoint(call).target(call.namespace)

    async def _send(
        self,
        call: ServiceBusCall,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        on_sent: Callable[[], None],
    ) -> None:
        key = open_secret(self._keeper, call.key, "authentication.sasKey", call, job, occurrence)
        own = marks(job, occurrence, host)
        if call.transport is BusTransport.AMQP:
            await self._wire.send(call, key, own, _message_id(occurrence), on_sent)
        else:
            await self._post(call, key, own, _message_id(occurrence), on_sent)

    async def _post(
        self, call: ServiceBusCall, key: str, own: dict[str, str], message_id: str, on_sent: Callable[[], None]
    ) -> None:
        address = address_of(self._https.at(call.namespace), call.entity)
        token = shared_access_signature(address, call.key_name, key, self._clock.now() + TOKEN_LIFE)
        headers = {**headers_of(call, own, message_id), "Authorization": token}
        secrets = (key, token)
        await self._posts.post(f"{address}/messages", headers, call.message.encode(), secrets=secrets, on_sent=on_sent)

    def _endpoint(self, call: ServiceBusCall) -> Endpoint:
        return self._amqps if call.transport is BusTransport.AMQP else self._https


def _message_id(occurrence: Occurrence) -> str:
    return f"{occurrence.id}-cancel" if occurrence.action is ActionName.CANCEL else occurrence.id
