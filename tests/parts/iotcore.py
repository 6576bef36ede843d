"""The iotcore broker, configured as `leeward up` does."""

from pathlib import Path

from services.local.broker import BrokerKind, command
from tests.parts.brokers import BrokerProcess
from tests.parts.ports import free_port


class Iotcore(BrokerProcess):
    """An iotcore broker on a free loopback port; a restart forgets everything."""

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        """Write the configuration."""
        chosen = port or free_port()
        super().__init__(command(directory, chosen, kind=BrokerKind.IOTCORE), chosen, directory)
