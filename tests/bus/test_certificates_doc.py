"""The commands of docs/howto/tls-and-acl.md make certificates that the shipped broker and a watcher accept."""

import re
import subprocess
from pathlib import Path

import pytest

from shared.bus import Bus, BusSettings
from tests.parts.buses import running
from tests.parts.shipped_broker import ShippedBroker

PAGE = Path(__file__).parents[2] / "docs/howto/tls-and-acl.md"
_BLOCK = re.compile(r"^    (?:openssl req|for name in) .*\n(?:^    .*\n)*", re.MULTILINE)


def commands() -> list[str]:
    """Return the commands of the page, for a broker on this machine."""
    return [found.replace("mqtt.example.net", "localhost") for found in _BLOCK.findall(PAGE.read_text())]


def follow(steps: list[str], folder: Path) -> None:
    """Run commands in a folder, as a reader of the page does."""
    for step in steps:
        subprocess.run(step, shell=True, check=True, cwd=folder, capture_output=True)


@pytest.mark.parametrize(("name", "host"), [("db-0", "db-0"), ("leeward-vmwatch", "db-1")])
async def test_the_commands_of_the_page_let_a_watcher_in(tmp_path: Path, name: str, host: str) -> None:
    broker = ShippedBroker(tmp_path)
    follow(commands(), tmp_path)
    for ending in ("crt", "key"):
        (tmp_path / f"broker.{ending}").rename(tmp_path / f"tls.{ending}")
    files = {"ca": tmp_path / "ca.crt", "cert": tmp_path / f"{name}.crt", "key": tmp_path / f"{name}.key"}
    async with broker, running(Bus(BusSettings(url=broker.url, **files), client_id=name)) as bus:
        bus.keep(f"leeward/v1/hosts/{host}/status", b"{}")
        assert await bus.settled(10)
    assert len(commands()) == 3
