"""Opens the responders that the settings ask for, and the desk that has them work."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from time import monotonic
from typing import Protocol

from services.vmwatch.metrics import Metrics
from services.vmwatch.responders.base import Responder
from services.vmwatch.responders.calls import Calls
from services.vmwatch.responders.case_file import CaseFile, Forgetful
from services.vmwatch.responders.command import CommandResponder
from services.vmwatch.responders.desk import Desk, Keeper, Place
from services.vmwatch.responders.kubernetes.open import open_kubernetes
from services.vmwatch.responders.webhook import WebhookResponder
from services.vmwatch.settings import Settings
from shared.bus import Handler
from shared.clock import Clock
from shared.topics import Topics, host_key


class Silence:
    """Keeps nothing on the bus."""

    def keep(self, topic: str, payload: bytes) -> None:
        """Do nothing."""


class DeskBus(Keeper, Protocol):
    """What the desk needs of the bus before it runs, and then."""

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have a handler called for each message that matches."""
        ...


async def open_responders(settings: Settings, clock: Clock, resources: AsyncExitStack) -> tuple[Responder, ...]:
    """Return the responders that are set, open until `resources` closes. Raises ValueError, OSError, SettingsError."""
    opened: list[Responder] = []
    if settings.command_settings is not None:
        opened.append(CommandResponder(settings.command_settings))
    if settings.webhook_settings is not None:
        opened.append(await resources.enter_async_context(WebhookResponder(settings.webhook_settings, clock)))
    kubernetes = open_kubernetes(settings.kubernetes_settings, clock=clock, monotonic=monotonic)
    return (*opened, kubernetes) if kubernetes is not None else tuple(opened)


def make_desk(
    settings: Settings,
    responders: Sequence[Responder],
    *,
    place: Place,
    bus: DeskBus,
    topics: Topics,
    metrics: Metrics,
    clock: Clock,
) -> Desk:
    """Return the desk of a host, subscribed to its drains.

    One without work says nothing on the bus, so that a watcher without responders needs no right to blocks.
    """
    key = host_key(place.host)
    has_work = bool(responders) or settings.dry_run
    desk = Desk(
        responders,
        place,
        calls=Calls(metrics, monotonic, dry_run=settings.dry_run),
        memory=CaseFile(settings.state_file, key) if responders and not settings.dry_run else Forgetful(),
        keeper=bus if has_work else Silence(),
        topics=topics,
        clock=clock,
        monotonic=monotonic,
        dry_run=settings.dry_run,
    )
    if has_work:
        bus.subscribe(topics.drain(key, "+"), desk.hear_drain)
    return desk
