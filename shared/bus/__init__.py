"""The MQTT bus: one client per process that keeps its own state on the broker, whatever happens to either."""

from shared.bus.client import Bus
from shared.bus.connection import check_settings
from shared.bus.publications import (
    BusSettings,
    BusSettingsError,
    BusUnavailableError,
    Delivery,
    Handler,
    Publication,
    PublicationRefusedError,
    ReplyTimeoutError,
    is_speakable,
    unguessable,
)
from shared.bus.publisher import Publisher

__all__ = [
    "Bus",
    "BusSettings",
    "BusSettingsError",
    "BusUnavailableError",
    "Delivery",
    "Handler",
    "Publication",
    "PublicationRefusedError",
    "Publisher",
    "ReplyTimeoutError",
    "check_settings",
    "is_speakable",
    "unguessable",
]
