"""The scheduler's settings: one frozen struct, each field a LEEWARD_ variable and a flag (docs/settings.md)."""

import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.endpoints import Endpoint
from services.scheduler.domain.groups import read_groups
from services.scheduler.domain.limits import read_limits
from services.scheduler.domain.openings import check_opening
from shared.addresses import is_confidential
from shared.bus import BusSettings, BusSettingsError, check_settings
from shared.settings import parse_listen
from shared.topics import DEFAULT_PREFIX, Topics


class Approve(StrEnum):
    """Which events Leeward lets Azure start early once their hosts are drained."""

    NONE = "none"
    USER = "user"
    ALL = "all"


ALWAYS_DENIED = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
    "255.255.255.255/32",
    "::1/128",
    "fe80::/10",
)
"""What only targets_allow opens: unspecified, loopback, link-local (metadata), Azure's wire server, broadcast."""


_LONGEST_WARM_UP = 86_400
_ENDPOINTS = {
    "storage_queue_endpoint": ("account", ("https", "http")),
    "service_bus_endpoint": ("namespace", ("https", "http")),
    "service_bus_amqp_endpoint": ("namespace", ("amqps", "amqp")),
}
"""What stands in the place of a name in each address template, and what may be spoken there."""


_SLOWEST = 0.01
"""Releases a second; fewer would keep what is held for hours after its host is back."""


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
    listen_cert: Path | None = None
    listen_key: Path | None = None
    tokens_file: Path | None = None
    oidc_issuer: str | None = None
    oidc_audience: tuple[str, ...] = ()
    oidc_roles_claim: str = "roles"
    caller_rate: int = 1000
    audit_days: int = 400
    ops_listen: str = "127.0.0.1:9464"
    approve: Approve = Approve.USER
    ignore_freeze_seconds: int = 0
    maintenance: str | None = None
    silent_margin_seconds: int = 300
    event_pool_share: float = 1.0
    hold_hours: float = 24.0
    host_capacity: int = 0
    warm_up_seconds: int = 30
    release_rate: float = 20
    groups: tuple[str, ...] = ()
    lease_seconds: int = 15
    runners: int = 150
    target_concurrency: int = 100
    target_rate: float = 0
    grace_seconds: int = 25
    targets_deny: tuple[str, ...] = ALWAYS_DENIED
    targets_allow: tuple[str, ...] = ()
    targets_ca: Path | None = None
    oauth_authority: str = "https://login.microsoftonline.com"
    storage_queue_endpoint: str = "https://{account}.queue.core.windows.net"
    service_bus_endpoint: str = "https://{namespace}.servicebus.windows.net"
    service_bus_amqp_endpoint: str = "amqps://{namespace}.servicebus.windows.net:5671"
    actions_mqtt_url: str | None = None
    actions_mqtt_password_file: Path | None = None
    actions_mqtt_cert: Path | None = None
    actions_mqtt_key: Path | None = None
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
        "listen_cert": "certificate of the API and the portal, chain included; without it they speak plain HTTP",
        "listen_key": "private key of listen_cert",
        "tokens_file": "file of callers and the hashes of their tokens (leeward tokens add)",
        "oidc_issuer": "OIDC issuer whose tokens are accepted, such as https://login.microsoftonline.com/TENANT/v2.0",
        "oidc_audience": "whom the issuer's tokens must be for, any of these",
        "oidc_roles_claim": "claim with leeward-reader, leeward-operator or leeward-operator:COLLECTION; a.b: b in a",
        "caller_rate": "requests a second that one caller may make; 0: any number",
        "audit_days": "how long entries of the audit log are kept; 0: for ever",
        "ops_listen": "address of /metrics, /livez and /readyz",
        "approve": "which events may start early once drained: none, user (user-initiated ones), all",
        "ignore_freeze_seconds": "a freeze known to be no longer than this threatens nothing",
        "maintenance": "what an event does to jobs that do not say otherwise, JSON as in a job's `maintenance`",
        "silent_margin_seconds": "how long an event nobody reports any more stays after its expected end",
        "event_pool_share": "how much of a pool one event may keep jobs off, 0.5 is half; one host it always may",
        "hold_hours": "how long after its NotBefore an event may keep jobs off a host at the most; 0: for ever",
        "release_rate": "of what is let go after an event, how many each host gets a second; 0: all at once",
        "host_capacity": "executions at a time on a host without tag leeward-capacity, all replicas; 0: any number",
        "warm_up_seconds": "how long a host that is back after an event gets less than its share; 0: not at all",
        "groups": "which hosts may say that they are of a group, as group=host names with *; default: any host",
        "lease_seconds": "how long a replica may be silent before its claims are taken over",
        "runners": "executions at a time in this process, besides those over a second long; ten times as many in all",
        "target_concurrency": "executions at a time at one target (scheme, host and port) from this process",
        "target_rate": "executions started a second at one target from this process; 0: any number",
        "grace_seconds": "how long running executions may go on after SIGTERM",
        "targets_deny": "networks that actions may never reach; the default's and multicast stay denied beside them",
        "targets_allow": "networks let through in spite of targets_deny",
        "targets_ca": "file of further certificate authorities (PEM) for targets, beside the system's",
        "oauth_authority": "where jobs' OAuth tokens come from, what stands before the tenant",
        "storage_queue_endpoint": "where the queues of a storage account are; http:// on this machine only (Azurite)",
        "service_bus_endpoint": "where a Service Bus namespace is, for HTTPS (NetMessaging)",
        "service_bus_amqp_endpoint": "where a Service Bus namespace is, for AMQP; amqp:// on this machine only",
        "actions_mqtt_url": "the broker that jobs of type Mqtt publish to; unset: Leeward's own, as Leeward itself",
        "actions_mqtt_password_file": "file with the password for actions_mqtt_url",
        "actions_mqtt_cert": "file with the certificate that jobs of type Mqtt publish with",
        "actions_mqtt_key": "file with the private key of actions_mqtt_cert",
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
        """Raise ValueError with one argument for each value that is well-formed and cannot work."""
        faults = tuple(self._faults())
        if faults:
            raise ValueError(*faults)

    def _faults(self) -> Iterator[str]:
        """Yield what each check says; one that fails keeps no other from being made."""
        for check in (
            lambda: Topics(self.topic_prefix),
            self._check_limits,
            self._check_targets,
            self._check_authority,
            self._check_actions,
            self._check_references,
            self._check_addresses,
            self._check_callers,
            self._check_issuer,
            lambda: read_groups(self.groups),
        ):
            try:
                check()
            except ValueError as fault:
                yield from map(str, fault.args)
        yield from self._fleet_faults()
        yield from self._process_faults()

    def _check_limits(self) -> None:
        try:
            read_limits(self.limits)
        except ValueError as fault:
            raise ValueError(*(f"limits={part}" for part in fault.args)) from fault

    def _check_references(self) -> None:
        for entry in self.secrets_env:
            check_opening(entry)

    def _check_addresses(self) -> None:
        for name, text in (("listen", self.listen), ("ops_listen", self.ops_listen)):
            try:
                parse_listen(text)
            except ValueError as fault:
                raise ValueError(f"{name}={text}: {fault}") from fault

    def _fleet_faults(self) -> Iterator[str]:
        if not 0 < self.event_pool_share <= 1:
            yield f"event_pool_share={self.event_pool_share:g}: use more than 0 and at most 1, which is all"
        if self.hold_hours < 0:
            yield f"hold_hours={self.hold_hours:g}: use 0 (for ever) or more"
        if 0 != self.release_rate < _SLOWEST:
            yield f"release_rate={self.release_rate:g}: use 0 (all at once), or {_SLOWEST:g} or more"
        if self.host_capacity < 0:
            yield f"host_capacity={self.host_capacity}: use 0 (any number) or more"
        if not 0 <= self.warm_up_seconds <= _LONGEST_WARM_UP:
            yield f"warm_up_seconds={self.warm_up_seconds}: use 0 (not at all) to {_LONGEST_WARM_UP}"

    def _process_faults(self) -> Iterator[str]:
        if min(self.burst_reads, self.burst_writes) < 0:
            yield "burst_reads, burst_writes: use 0 (no limit) or more"
        if not 0 <= self.audit_days <= 36_500:
            yield f"audit_days={self.audit_days}: use 0 (for ever) to 36500"
        if self.lease_seconds < 3:
            yield f"lease_seconds={self.lease_seconds}: use at least 3"
        if not 1 <= self.runners <= 1000:
            yield f"runners={self.runners}: use 1 to 1000"
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            yield f"log_level={self.log_level}: write DEBUG, INFO, WARNING or ERROR"

    def _check_targets(self) -> None:
        for name, networks in (("targets_deny", self.targets_deny), ("targets_allow", self.targets_allow)):
            for network in networks:
                _check_network(name, network)
        if self.targets_ca is not None:
            _check_authorities(self.targets_ca)
        if self.target_concurrency < 1:
            raise ValueError(f"target_concurrency={self.target_concurrency}: use 1 or more")
        if self.target_rate < 0:
            raise ValueError(f"target_rate={self.target_rate}: use 0 (no limit) or more")

    def _check_authority(self) -> None:
        authority = urlsplit(self.oauth_authority)
        if authority.scheme != "https" or not authority.hostname or authority.query or authority.fragment:
            raise ValueError(f"oauth_authority={self.oauth_authority}: write https:// and a host")

    @property
    def denied(self) -> tuple[str, ...]:
        """Networks that no action may reach: what is listed comes on top of what always is."""
        return tuple(dict.fromkeys((*ALWAYS_DENIED, *self.targets_deny)))

    def _check_callers(self) -> None:
        if not (self.has_authentication or _is_private(self.listen)):
            raise ValueError(
                f"listen={self.listen}: without authentication only a loopback address is accepted, e.g. "
                "127.0.0.1:8080; set LEEWARD_TOKENS_FILE (leeward tokens add writes one) or LEEWARD_OIDC_ISSUER"
            )
        if (self.listen_cert is None) != (self.listen_key is None):
            raise ValueError("listen_cert, listen_key: set both, or neither")
        if self.caller_rate < 0:
            raise ValueError(f"caller_rate={self.caller_rate}: use 0 (no limit) or more")

    def _check_issuer(self) -> None:
        if (self.oidc_issuer is None) != (not self.oidc_audience):
            raise ValueError(
                "oidc_issuer, oidc_audience: set both, or neither; a token for somebody else proves nothing"
            )
        if self.oidc_issuer is not None and not is_confidential(self.oidc_issuer):
            raise ValueError("oidc_issuer: write an https address (http on this machine only)")

    def _check_actions(self) -> None:
        for name in ("storage_queue_endpoint", "service_bus_endpoint", "service_bus_amqp_endpoint"):
            try:
                self._endpoint(name)
            except ValueError as fault:
                raise ValueError(f"{name}={getattr(self, name)}: {fault}") from fault
        if self.actions_bus != self.bus:
            try:
                check_settings(self.actions_bus)
            except BusSettingsError as fault:
                raise ValueError(f"actions_mqtt_url: {fault}") from fault

    @property
    def storage_queues(self) -> Endpoint:
        """Where accounts have their queues."""
        return self._endpoint("storage_queue_endpoint")

    @property
    def service_bus(self) -> Endpoint:
        """Where namespaces are, for HTTPS."""
        return self._endpoint("service_bus_endpoint")

    @property
    def service_bus_amqp(self) -> Endpoint:
        """Where namespaces are, for AMQP."""
        return self._endpoint("service_bus_amqp_endpoint")

    def _endpoint(self, name: str) -> Endpoint:
        place, schemes = _ENDPOINTS[name]
        return Endpoint.read(getattr(self, name), place, schemes)

    @property
    def has_authentication(self) -> bool:
        """Whether callers must say who they are."""
        return self.tokens_file is not None or self.oidc_issuer is not None

    @property
    def audit_age(self) -> timedelta | None:
        """How long entries of the audit log are kept; None: for ever."""
        return timedelta(days=self.audit_days) if self.audit_days else None

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
    def actions_bus(self) -> BusSettings:
        """What jobs' own MQTT messages need: Leeward's broker and identity, unless others are set."""
        cert, key = self.actions_mqtt_cert, self.actions_mqtt_key
        if self.actions_mqtt_url is None:
            return replace(self.bus, cert=cert, key=key) if cert or key else self.bus
        return BusSettings(
            url=self.actions_mqtt_url,
            password_file=self.actions_mqtt_password_file,
            ca=self.mqtt_ca if self.actions_mqtt_url.startswith("mqtts:") else None,
            cert=cert,
            key=key,
        )


def _is_private(listen: str) -> bool:
    """Whether only this machine reaches the address; one that is none is told of by its own check."""
    try:
        return parse_listen(listen).is_loopback
    except ValueError:
        return True


def _check_network(name: str, network: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError as fault:
        raise ValueError(f"{name}={network}: {fault}; write a network such as 10.0.0.0/8") from fault


def _check_authorities(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as fault:
        why = "holds no certificate in PEM" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise ValueError(f"targets_ca={file}: {why}") from fault
