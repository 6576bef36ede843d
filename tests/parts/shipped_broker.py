"""Mosquitto as k8s/base/broker configures it, moved to a free port and a test's own certificates."""

from datetime import datetime
from pathlib import Path

from services.local.broker import BrokerCommand, BrokerKind, command
from shared.bus import BusSettings
from tests.parts.brokers import BrokerProcess
from tests.parts.certificates import Authority
from tests.parts.ports import free_port

SHIPPED = Path(__file__).parents[2] / "k8s/base/broker"


class ShippedBroker(BrokerProcess):
    """The broker as it is shipped; only who has a certificate of its authority gets in, under the name on it."""

    def __init__(self, folder: Path) -> None:
        """Write everything into a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.authority = Authority()
        self.ca = self.authority.file(folder)
        (folder / "ca.crt").write_bytes(self.ca.read_bytes())
        self.show("localhost", "127.0.0.1")
        port = free_port()
        super().__init__(_moved(folder, port), port, folder)
        self.url = f"mqtts://localhost:{port}"

    def show(self, *names: str, expires: datetime | None = None, by: Authority | None = None) -> None:
        """Give the broker a certificate for such names, which it shows from its next start on."""
        (by or self.authority).certify(names[0], *names, expires=expires).files(self.folder, "tls")

    def settings(self, name: str, *, expires: datetime | None = None, by: Authority | None = None) -> BusSettings:
        """Return the settings of an identity, with a new certificate of that name."""
        certificate, key = (by or self.authority).certify(name, expires=expires).files(self.folder, name)
        return BusSettings(url=self.url, ca=self.ca, cert=certificate, key=key)


def _moved(folder: Path, port: int) -> BrokerCommand:
    started = command(folder, port, kind=BrokerKind.MOSQUITTO)
    text = (SHIPPED / "mosquitto.conf").read_text().replace("listener 8883", f"listener {port} 127.0.0.1\nuser root")
    for place, real in (("certs", folder), ("config", SHIPPED), ("data", folder)):
        text = text.replace(f"/mosquitto/{place}/", f"{real}/")
    (folder / "mosquitto.conf").write_text(text)
    return started
