"""The embedded broker of `leeward up`: a mosquitto found on this machine, else iotcore (ADR: embedded broker)."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from shared.errors import PermanentError

# Debian puts it where only root looks.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_PAYLOAD_LIMIT = 1024 * 1024
_HOST = "127.0.0.1"

_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
set_tcp_nodelay true
message_size_limit {payload_limit}
max_inflight_messages 100
max_queued_messages 100000
persistence true
persistence_location {directory}/
autosave_interval 30
log_dest stderr
log_type error
log_type warning
user {user}
"""

# rumqttd's form; the limit of its default, 20 KB, is less than an inventory and its events may take.
_IOTCORE = """\
id = 0

[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "leeward"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload_limit}
max_inflight_count = 100
dynamic_filters = true
"""


class BrokerKind(StrEnum):
    """Which broker runs. Mosquitto keeps retained messages over a restart.

    iotcore forgets them, and sends a new subscriber at most 100 of them (measured with 0.4.0; fixed in its code), which
    is plenty for one machine and too little for a fleet.
    """

    MOSQUITTO = "mosquitto"
    IOTCORE = "iotcore"


class BrokerNotFoundError(PermanentError):
    """No broker can be started on this machine."""


class BrokerCommand(msgspec.Struct, frozen=True, kw_only=True):
    """How to start the broker, for who supervises it, and where clients find it."""

    kind: BrokerKind
    argv: tuple[str, ...]
    url: str


def command(
    directory: Path, port: int, *, kind: BrokerKind | None = None, search: Sequence[str] | None = None
) -> BrokerCommand:
    """Write the broker's configuration into `directory` and return how to start it on loopback.

    `kind` None takes what is there, mosquitto first; `search` are the folders to look for it in (None: PATH and the
    system's). Raises BrokerNotFoundError.
    """
    mosquitto = None if kind is BrokerKind.IOTCORE else _mosquitto(search)
    if mosquitto is None and kind is BrokerKind.MOSQUITTO:
        raise BrokerNotFoundError("no mosquitto on this machine: install it, or let iotcore take its place")
    directory.mkdir(parents=True, exist_ok=True)
    place = directory.resolve()
    url = f"mqtt://{_HOST}:{port}"
    if mosquitto is not None:
        return BrokerCommand(kind=BrokerKind.MOSQUITTO, argv=_start_mosquitto(mosquitto, place, port), url=url)
    return BrokerCommand(kind=BrokerKind.IOTCORE, argv=_start_iotcore(place, port), url=url)


def _mosquitto(search: Sequence[str] | None) -> str | None:
    if search is not None:
        return shutil.which("mosquitto", path=os.pathsep.join(search)) if search else None
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(_SYSTEM_FOLDERS))


def _start_mosquitto(program: str, directory: Path, port: int) -> tuple[str, ...]:
    # Started as root, mosquitto would become a user who may not write the directory.
    user = "root" if os.geteuid() == 0 else "mosquitto"
    text = _MOSQUITTO.format(port=port, host=_HOST, payload_limit=_PAYLOAD_LIMIT, directory=directory, user=user)
    return program, "-c", str(_write(directory / "mosquitto.conf", text))


def _start_iotcore(directory: Path, port: int) -> tuple[str, ...]:
    if importlib.util.find_spec("iotcore") is None:
        raise BrokerNotFoundError("no broker on this machine: install mosquitto, or iotcore (leeward[local])")
    text = _IOTCORE.format(port=port, host=_HOST, payload_limit=_PAYLOAD_LIMIT)
    config = _write(directory / "iotcore.toml", text)
    return sys.executable, "-m", "services.local.iotcore_broker", str(config)


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file
