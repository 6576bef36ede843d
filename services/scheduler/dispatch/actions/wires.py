"""The way to Service Bus by AMQP, where its library is installed (the extra `amqp`)."""

import ssl
from collections.abc import Callable
from importlib.util import find_spec

from services.scheduler.dispatch.actions.delivery import UndeliveredError
from services.scheduler.dispatch.actions.service_bus import Wire
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.domain.actions import ServiceBusCall
from services.scheduler.domain.endpoints import Endpoint
from shared.clock import Clock


def amqp_is_installed() -> bool:
    """Whether AMQP can be spoken here."""
    return find_spec("proton") is not None


def open_wire(guard: TargetGuard, endpoint: Endpoint, tls: ssl.SSLContext, clock: Clock, *, container: str) -> Wire:
    """Return what speaks AMQP to namespaces, or what says how to install it. Nothing is connected yet."""
    if not amqp_is_installed():
        return MissingWire()
    from services.scheduler.dispatch.actions.amqp.pool import AmqpPool

    tls.set_alpn_protocols(())  # asked for HTTP, some servers hang up
    return AmqpPool(guard, endpoint, tls, clock, container=container)


class MissingWire:
    """Sends nothing: the library is not there."""

    async def send(
        self, call: ServiceBusCall, key: str, own: dict[str, str], message_id: str, on_sent: Callable[[], None]
    ) -> None:
        """Refuse for good, and say what to do."""
        raise UndeliveredError(
            "this scheduler does not speak AMQP: install leeward[amqp], or choose the transport NetMessaging",
            retryable=False,
        )

    async def close(self) -> None:
        """Do nothing."""
