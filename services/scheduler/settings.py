"""The scheduler's settings: one frozen struct, each field a LEEWARD_ variable and a flag (docs/settings.md)."""

import ipaddress
import socket
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec

from services.scheduler.domain.limits import read_limits
from services.scheduler.domain.openings import check_opening
from shared.bus import BusSettings
from shared.settings import parse_listen
from shared.topics import DEFAULT_PREFIX, Topics


class Approve(StrEnum):
    """Which events Leeward lets Azure start early once their hosts are drained."""

    NONE = "none"
    USER = "user"
    ALL = "all"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set; `__post_init__` refuses what cannot work."""

    mqtt_url: str = "mqtt://127.0.0.1:1883"
    mqtt_password_file: Path | None = None
    mqtt_ca: Path | None = None
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    topic_prefix: str = DEFAULT_PREFIX
    database_url: str = "sqlite:///leeward.db"
    listen: str = "127.0.0.1:8080"
    ops_listen: str = "127.0.0.1:9464"
    approve: Approve = Approve.USER
    ignore_freeze_seconds: int = 0
    silent_margin_seconds: int = 300
    event_pool_share: float = 1.0
    hold_hours: float = 24.0
    groups: tuple[str, ...] = ()
    lease_seconds: int = 15
    runners: int = 150
    target_concurrency: int = 100
    target_rate: float = 0
    grace_seconds: int = 25
    targets_deny: tuple[str, ...] = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "168.63.129.16/32")
    targets_allow: tuple[str, ...] = ()
    secret_keys_file: Path | None = None
    secrets_dir: Path | None = None
    secrets_env: tuple[str, ...] = ()
    subscription: str = "00000000-0000-0000-0000-000000000000"
    resource_group: str = "default"
    limits: tuple[str, ...] = ()
    burst_reads: int = 720
    burst_writes: int = 180
    replica: str = socket.gethostname()
    otlp_endpoint: str | None = None
    log_level: str = "INFO"

    describe: ClassVar[dict[str, str]] = {
        "mqtt_url": "the broker: mqtt://host:port or mqtts://user:password@host:port",
        "mqtt_password_file": "file with the password of the user in mqtt_url, instead of one there",
        "mqtt_ca": "file with the certificate authority of the broker",
        "mqtt_cert": "file with this replica's certificate",
        "mqtt_key": "file with this replica's private key",
        "topic_prefix": "first levels of every topic",
        "database_url": "sqlite:///file or postgresql://user:password@host/name",
        "listen": "address of the API and the portal",
        "ops_listen": "address of /metrics, /livez and /readyz",
        "approve": "which events may start early once drained: none, user (user-initiated ones), all",
        "ignore_freeze_seconds": "a freeze known to be no longer than this threatens nothing",
        "silent_margin_seconds": "how long an event nobody reports any more stays after its expected end",
        "event_pool_share": "how much of a pool one event may keep jobs off, 0.5 is half; one host it always may",
        "hold_hours": "how long after its NotBefore an event may keep jobs off a host at the most; 0: for ever",
        "groups": "which hosts may say that they are of a group, as group=host names with *; default: any host",
        "lease_seconds": "how long a replica may be silent before its claims are taken over",
        "runners": "executions at a time in this process, besides those over a second long; ten times as many in all",
        "target_concurrency": "executions at a time at one target (scheme, host and port) from this process",
        "target_rate": "executions started a second at one target from this process; 0: any number",
        "grace_seconds": "how long running executions may go on after SIGTERM",
        "targets_deny": "networks that actions may never reach, in addition to multicast and unspecified addresses",
        "targets_allow": "networks let through in spite of targets_deny",
        "secret_keys_file": "keys that seal jobs' secrets; unset: beside the SQLite file, made at the first start",
        "secrets_dir": "folder of files that jobs may refer to, COLLECTION/NAME",
        "secrets_env": "variables that jobs may refer to: NAME, or COLLECTION/NAME for the jobs of one collection",
        "subscription": "the subscription of the short API mount",
        "resource_group": "the resource group of the short API mount",
        "limits": "changes to the limits of the plans, such as Standard.jobs=500,Free.recurrence=PT5M,Size.uri=4096",
        "burst_reads": "reads a second that one caller of Azure's paths may make; 0: any number",
        "burst_writes": "writes a second that one caller of Azure's paths may make; 0: any number",
        "replica": "this replica's name, unique among the schedulers of one database",
        "otlp_endpoint": "OpenTelemetry collector that traces go to by OTLP over HTTP, such as http://collector:4318",
        "log_level": "DEBUG, INFO, WARNING or ERROR",
    }

    def __post_init__(self) -> None:
        """Raise ValueError for values that are well-formed and cannot work."""
        Topics(self.topic_prefix)
        try:
            read_limits(self.limits)
        except ValueError as fault:
            raise ValueError(*(f"limits={part}" for part in fault.args)) from fault
        if min(self.burst_reads, self.burst_writes) < 0:
            raise ValueError("burst_reads, burst_writes: use 0 (no limit) or more")
        for network in (*self.targets_deny, *self.targets_allow):
            ipaddress.ip_network(network)
        for entry in self.secrets_env:
            check_opening(entry)
        parse_listen(self.ops_listen)
        if not _is_loopback(parse_listen(self.listen).host):
            raise ValueError(
                f"listen={self.listen}: without authentication only a loopback address is accepted, e.g. 127.0.0.1:8080"
            )
        if not 0 < self.event_pool_share <= 1:
            raise ValueError(f"event_pool_share={self.event_pool_share:g}: use more than 0 and at most 1, which is all")
        if self.hold_hours < 0:
            raise ValueError(f"hold_hours={self.hold_hours:g}: use 0 (for ever) or more")
        read_groups(self.groups)
        if self.lease_seconds < 3:
            raise ValueError(f"lease_seconds={self.lease_seconds}: use at least 3")
        if self.target_concurrency < 1:
            raise ValueError(f"target_concurrency={self.target_concurrency}: use 1 or more")
        if self.target_rate < 0:
            raise ValueError(f"target_rate={self.target_rate}: use 0 (no limit) or more")
        if not 1 <= self.runners <= 1000:
            raise ValueError(f"runners={self.runners}: use 1 to 1000")

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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
