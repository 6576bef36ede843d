"""Keeps the VM's device known to Home Assistant."""

import re
from typing import Final, Protocol

from services.vmwatch.home_assistant.device import describe
from shared.about import product_version
from shared.bus import Delivery, Handler
from shared.logs import get_logger
from shared.messages import encode
from shared.ration import Ration
from shared.topics import HostKey, Topics, host_key

BIRTH: Final = b"online"
"""What Home Assistant says on `{prefix}/status` when it has started."""
_UNLAWFUL: Final = re.compile(r"[^a-z0-9_-]")
_SECONDS_BETWEEN: Final = 10.0
_log = get_logger(__name__)


class Line(Protocol):
    """What announcing needs of the bus."""

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have messages handled."""
        ...


def config_topic(prefix: str, key: HostKey) -> str:
    """Return where Home Assistant looks for a host's device.

    Its levels take letters, digits, `_` and `-` alone. Any other sign of a key, and the capitals of its percent
    encoding, is spelled X and two hexadecimal digits. No key has an X, so that no two are spelled the same.
    """
    return f"{prefix}/device/{_UNLAWFUL.sub(lambda sign: f'X{ord(sign[0]):02X}', key)}/leeward/config"


def announce(prefix: str, *, host: str, topics: Topics, bus: Line) -> None:
    """Keep a host's device on the bus, and say it again when Home Assistant has started; to be called before `run`.

    It is kept like all retained state, so it also comes back when somebody has removed it. It stays when the watcher
    leaves: a VM that restarts must not lose its device.
    """
    topic, payload = config_topic(prefix, host_key(host)), encode(describe(host, topics, product_version()))
    # Whoever may write there must not have all watchers publish as often as he does.
    ration = Ration(burst=1, per_second=1 / _SECONDS_BETWEEN)

    async def repeat(delivery: Delivery) -> None:
        if delivery.payload == BIRTH and not delivery.retained and ration.take():
            bus.keep(topic, payload)

    bus.keep(topic, payload)
    bus.subscribe(f"{prefix}/status", repeat)
    _log.info("announced to Home Assistant", topic=topic)
