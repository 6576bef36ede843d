"""The watcher's settings: one frozen struct, each field a LEEWARD_ variable and a flag (docs/settings.md)."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

import msgspec

from services.vmwatch.instance import Overrides
from shared.bus import BusSettings, BusSettingsError, check_settings
from shared.settings import parse_listen
from shared.topics import DEFAULT_PREFIX, Topics

_SHORTEST_POLL_SECONDS: Final = 0.2
"""Azure answers five requests a second to a VM, over all who ask (reference §1.8)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set; `__post_init__` refuses what cannot work."""

    mqtt_url: str = "mqtt://127.0.0.1:1883"
    mqtt_password_file: Path | None = None
    mqtt_ca: Path | None = None
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    topic_prefix: str = DEFAULT_PREFIX
    ops_listen: str = "127.0.0.1:9465"
    imds_url: str = "http://169.254.169.254"
    poll_seconds: float = 1.0
    host: str | None = None
    pools: tuple[str, ...] = ()
    group: str | None = None
    log_level: str = "INFO"

    describe: ClassVar[dict[str, str]] = {
        "mqtt_url": "the broker: mqtt://host:port or mqtts://user:password@host:port",
        "mqtt_password_file": "file with the password of the user in mqtt_url, instead of one there",
        "mqtt_ca": "file with the certificate authority of the broker",
        "mqtt_cert": "file with this VM's certificate",
        "mqtt_key": "file with this VM's private key",
        "topic_prefix": "first levels of every topic",
        "ops_listen": "address of /metrics, /livez and /readyz",
        "imds_url": "the metadata service, what comes before /metadata",
        "poll_seconds": "how often to ask for scheduled events",
        "host": "this VM's resource name; default: from the instance document",
        "pools": "the pools this VM stands in, comma-separated; default: its tag leeward-pools",
        "group": "who sees the same events; default: placement group, scale set or resource group",
        "log_level": "DEBUG, INFO, WARNING or ERROR",
    }

    def __post_init__(self) -> None:
        """Raise ValueError with one argument for each value that is well-formed and cannot work."""
        faults = tuple(self._faults())
        if faults:
            raise ValueError(*faults)

    @property
    def bus(self) -> BusSettings:
        """The part that the bus connection needs."""
        return BusSettings(
            url=self.mqtt_url,
            password_file=self.mqtt_password_file,
            ca=self.mqtt_ca,
            cert=self.mqtt_cert,
            key=self.mqtt_key,
        )

    @property
    def overrides(self) -> Overrides:
        """What the operator fixed about this VM."""
        return Overrides(host=self.host, pools=self.pools, group=self.group)

    def _faults(self) -> Iterator[str]:
        try:
            Topics(self.topic_prefix)
        except ValueError as fault:
            yield str(fault)
        try:
            parse_listen(self.ops_listen)
        except ValueError as fault:
            yield f"ops_listen={self.ops_listen}: {fault}"
        try:
            check_settings(self.bus)
        except BusSettingsError as fault:
            yield f"mqtt_url: {fault}"
        if not _is_web_address(self.imds_url):
            yield f"imds_url={self.imds_url}: write http://address"
        if self.poll_seconds < _SHORTEST_POLL_SECONDS:
            yield f"poll_seconds={self.poll_seconds:g}: use at least {_SHORTEST_POLL_SECONDS:g}"
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            yield f"log_level={self.log_level}: write DEBUG, INFO, WARNING or ERROR"


def _is_web_address(url: str) -> bool:
    try:
        place = urlsplit(url)
        return place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0
    except ValueError:
        return False
