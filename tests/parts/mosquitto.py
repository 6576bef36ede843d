"""The system's Mosquitto, configured as Leeward ships it."""

from pathlib import Path

from services.local.broker import BrokerKind, command
from tests.parts.brokers import BrokerProcess
from tests.parts.ports import free_port


class Mosquitto(BrokerProcess):
    """A Mosquitto on a free loopback port; `lines` are added to its configuration (users, access lists)."""

    def __init__(self, directory: Path, *, port: int | None = None, persistence: bool = True, lines: str = "") -> None:
        """Write the configuration; with `persistence` False a restart forgets everything."""
        chosen = port or free_port()
        config = directory / "mosquitto.conf"
        super().__init__(command(directory, chosen, kind=BrokerKind.MOSQUITTO), chosen, directory)
        text = config.read_text()
        if not persistence:
            text = text.replace("persistence true", "persistence false")
        if "allow_anonymous" in lines:
            text = text.replace("allow_anonymous true\n", "")
        config.write_text(text + lines)
