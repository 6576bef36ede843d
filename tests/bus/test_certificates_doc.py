"""The commands of k8s/README.md make certificates that the shipped broker and a watcher accept."""

import re
import subprocess
from pathlib import Path

from shared.bus import Bus, BusSettings
from tests.parts.buses import running
from tests.parts.shipped_broker import SHIPPED, ShippedBroker

_COMMAND = re.compile(r"^    (openssl req (?:.*\\\n)*.*)$", re.MULTILINE)


def commands() -> list[str]:
    """Return the commands of the page, for a broker on this machine."""
    text = (SHIPPED / "README.md").read_text()
    return [found.replace("mqtt.example.net", "localhost") for found in _COMMAND.findall(text)]


def follow(steps: list[str], folder: Path) -> None:
    """Run commands in a folder, as a reader of the page does."""
    for step in steps:
        subprocess.run(step, shell=True, check=True, cwd=folder, capture_output=True)


async def test_the_commands_of_the_page_let_a_watcher_in(tmp_path: Path) -> None:
    broker = ShippedBroker(tmp_path)
    follow(commands(), tmp_path)
    files = {"ca": tmp_path / "ca.crt", "cert": tmp_path / "db-0.crt", "key": tmp_path / "db-0.key"}
    async with broker, running(Bus(BusSettings(url=broker.url, **files), client_id="db-0")) as bus:
        bus.keep("leeward/v1/hosts/db-0/status", b"{}")
        assert await bus.settled(10)
    assert len(commands()) == 3
