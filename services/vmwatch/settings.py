"""The watcher's settings: one frozen struct, each field a LEEWARD_ variable and a flag (docs/settings.md)."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

import msgspec

from services.vmwatch.documents import API_VERSION
from services.vmwatch.eventgrid_settings import EventGridSettings, eventgrid_faults, remote_faults
from services.vmwatch.home_assistant_settings import home_assistant_faults
from services.vmwatch.instance import Overrides
from services.vmwatch.kubernetes_settings import (
    DEFAULT_TAINT,
    BarePods,
    BlockedPods,
    KubernetesMode,
    KubernetesSettings,
    kubernetes_faults,
    parse_modes,
)
from services.vmwatch.responder_settings import (
    CommandSettings,
    Phase,
    WebhookSettings,
    command_faults,
    state_file_faults,
    webhook_faults,
)
from shared.bus import BusSettings, BusSettingsError, check_settings
from shared.settings import parse_listen
from shared.topics import DEFAULT_PREFIX, Topics

_SHORTEST_POLL_SECONDS: Final = 0.2
"""Azure answers five requests a second to a VM, over all who ask (reference §1.8)."""

DHCP: Final = "dhcp"
"""What LEEWARD_IMDS_URL says where DHCP shall tell the address: outside of virtual networks."""
NO_METADATA: Final = "none"
"""What LEEWARD_IMDS_URL says of a watcher that is on none of the VMs that it speaks for."""
_API_VERSION = re.compile(r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-preview)?")


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
    imds_api_version: str = API_VERSION
    poll_seconds: float = 1.0
    host: str | None = None
    pools: tuple[str, ...] = ()
    group: str | None = None
    eventgrid_listen: str | None = None
    eventgrid_key_file: Path | None = None
    eventgrid_listen_cert: Path | None = None
    eventgrid_listen_key: Path | None = None
    eventgrid_scope: str | None = None
    dry_run: bool = False
    state_file: Path = Path("leeward-vmwatch.json")
    command: str | None = None
    command_events: tuple[str, ...] = ()
    command_phases: tuple[str, ...] = (Phase.PREPARE,)
    command_folder: Path = Path("/")
    ignore_freeze_seconds: int = 0
    kubernetes: KubernetesMode = KubernetesMode.OFF
    kubernetes_by_type: tuple[str, ...] = ("Freeze=cordon",)
    kubernetes_kubeconfig: Path | None = None
    kubernetes_node: str | None = None
    kubernetes_grace_seconds: int | None = None
    kubernetes_leave: tuple[str, ...] = ()
    kubernetes_bare_pods: BarePods = BarePods.LEAVE
    kubernetes_blocked_pods: BlockedPods = BlockedPods.FAIL
    kubernetes_taint: str = DEFAULT_TAINT
    webhook_url: tuple[str, ...] = ()
    webhook_events: tuple[str, ...] = ()
    webhook_phases: tuple[str, ...] = tuple(Phase)
    webhook_secret_file: Path | None = None
    webhook_template_file: Path | None = None
    webhook_required: bool = False
    home_assistant_prefix: str | None = None
    log_level: str = "INFO"

    describe: ClassVar[dict[str, str]] = {
        "mqtt_url": "the broker: mqtt://host:port or mqtts://user:password@host:port",
        "mqtt_password_file": "file with the password of the user in mqtt_url, instead of one there",
        "mqtt_ca": "file with the certificate authority of the broker",
        "mqtt_cert": "file with this VM's certificate",
        "mqtt_key": "file with this VM's private key",
        "topic_prefix": "first levels of every topic",
        "ops_listen": "address of /metrics, /livez and /readyz",
        "imds_url": "the metadata service, what comes before /metadata; dhcp: ask DHCP; none: Event Grid alone",
        "imds_api_version": "the api-version of Scheduled Events, as 2020-07-01; a newer one for previews",
        "poll_seconds": "how often to ask for scheduled events",
        "host": "this VM's resource name; default: from the instance document",
        "pools": "the pools this VM stands in, comma-separated; default: its tag leeward-pools",
        "group": "who sees the same events; default: placement group, scale set or resource group",
        "eventgrid_listen": "address where Azure Event Grid may post events (docs/eventgrid.md); unset: nowhere",
        "eventgrid_key_file": "file with the secret that Event Grid shows, one word of 16 characters or more",
        "eventgrid_listen_cert": "certificate for Event Grid, chain included; without it TLS must end before",
        "eventgrid_listen_key": "private key of eventgrid_listen_cert",
        "eventgrid_scope": "ARM id that events are taken from, with all below it; default: from anywhere",
        "dry_run": "do nothing on the host and approve nothing; say what would be done",
        "state_file": "file that keeps what responders have to finish after a restart; written only if there are any",
        "command": "the command responder: a program's whole path and its arguments, as words or a JSON list",
        "command_events": "the event types it runs for, comma-separated; default: all",
        "command_phases": "when it runs, of prepare, drained, failed and resume",
        "command_folder": "the folder it runs in",
        "ignore_freeze_seconds": "a freeze known to be no longer than this does nothing to the node",
        "kubernetes": "the Kubernetes responder: what an event does to this VM's node; off, cordon or drain",
        "kubernetes_by_type": "the same for some types of event, comma-separated, as Freeze=off,Reboot=cordon",
        "kubernetes_kubeconfig": "file that says how to reach the cluster; default: the pod's service account",
        "kubernetes_node": "the node's name, where nodes have no providerID of Azure; default: found by it",
        "kubernetes_grace_seconds": "how long pods get to end, at most; default: as long as each asks for",
        "kubernetes_leave": "labels of pods that stay, comma-separated, as key or key=value",
        "kubernetes_bare_pods": "pods that nothing would start elsewhere: leave or evict",
        "kubernetes_blocked_pods": "pods that a disruption budget keeps to the last: fail (no approval) or delete",
        "kubernetes_taint": "key of the taint of a cordoned node",
        "webhook_url": "the webhook responder: the addresses it posts to, comma-separated",
        "webhook_events": "the event types it posts for, comma-separated; default: all",
        "webhook_phases": "when it posts, of prepare, drained, failed and resume",
        "webhook_secret_file": "file with the secret that signs what it posts, whsec_ and base64",
        "webhook_template_file": "file with a JSON document to post instead of the usual one (docs/responders.md)",
        "webhook_required": "approvals wait until the webhook of prepare was taken; otherwise it only informs",
        "home_assistant_prefix": "show this VM in Home Assistant: its discovery prefix, as homeassistant; unset: not",
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

    @property
    def asks_dhcp(self) -> bool:
        """Whether DHCP tells the address of the metadata service."""
        return self.imds_url.strip().lower() == DHCP

    @property
    def is_remote(self) -> bool:
        """Whether there is no metadata service, and Event Grid alone tells of events."""
        return self.imds_url.strip().lower() == NO_METADATA

    @property
    def eventgrid(self) -> EventGridSettings | None:
        """The part of Event Grid; None when it is off."""
        if self.eventgrid_listen is None:
            return None
        return EventGridSettings(
            listen=self.eventgrid_listen,
            key_file=self.eventgrid_key_file,
            listen_cert=self.eventgrid_listen_cert,
            listen_key=self.eventgrid_listen_key,
            scope=self.eventgrid_scope or "",
        )

    @property
    def webhook_settings(self) -> WebhookSettings | None:
        """The part of the webhook responder; None when it is off."""
        if not self.webhook_url:
            return None
        return WebhookSettings(
            urls=self.webhook_url,
            events=self.webhook_events,
            phases=self.webhook_phases,
            secret_file=self.webhook_secret_file,
            template_file=self.webhook_template_file,
            required=self.webhook_required,
        )

    @property
    def command_settings(self) -> CommandSettings | None:
        """The part of the command responder; None when it is off."""
        if not self.command:
            return None
        return CommandSettings(
            command=self.command, events=self.command_events, phases=self.command_phases, folder=self.command_folder
        )

    @property
    def kubernetes_settings(self) -> KubernetesSettings:
        """The part of the Kubernetes responder. Raises ValueError."""
        return KubernetesSettings(
            mode=self.kubernetes,
            by_type=parse_modes(self.kubernetes_by_type),
            kubeconfig=self.kubernetes_kubeconfig,
            node=self.kubernetes_node,
            grace_seconds=self.kubernetes_grace_seconds,
            left_labels=self.kubernetes_leave,
            bare_pods=self.kubernetes_bare_pods,
            blocked_pods=self.kubernetes_blocked_pods,
            taint=self.kubernetes_taint,
            ignore_freeze_seconds=self.ignore_freeze_seconds,
        )

    @property
    def _has_responders(self) -> bool:
        return bool(self.command or self.webhook_url) or self.kubernetes is not KubernetesMode.OFF

    def _faults(self) -> Iterator[str]:
        yield from kubernetes_faults(
            by_type=self.kubernetes_by_type,
            grace_seconds=self.kubernetes_grace_seconds,
            left_labels=self.kubernetes_leave,
            taint=self.kubernetes_taint,
            ignore_freeze_seconds=self.ignore_freeze_seconds,
        )
        if (webhook := self.webhook_settings) is not None:
            yield from webhook_faults(webhook)
        if (command := self.command_settings) is not None:
            yield from command_faults(command)
        if webhook is not None or command is not None:
            yield from state_file_faults(self.state_file)
        try:
            Topics(self.topic_prefix)
            yield from home_assistant_faults(
                self.home_assistant_prefix or "", topic_prefix=self.topic_prefix, is_remote=self.is_remote
            )
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
        yield from self._source_faults()
        if not _API_VERSION.fullmatch(self.imds_api_version):
            yield f"imds_api_version={self.imds_api_version}: write a date such as {API_VERSION}"
        if self.poll_seconds < _SHORTEST_POLL_SECONDS:
            yield f"poll_seconds={self.poll_seconds:g}: use at least {_SHORTEST_POLL_SECONDS:g}"
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            yield f"log_level={self.log_level}: write DEBUG, INFO, WARNING or ERROR"

    def _source_faults(self) -> Iterator[str]:
        """Yield what is wrong with where events come from."""
        if not (self.asks_dhcp or self.is_remote or _is_web_address(self.imds_url)):
            yield f"imds_url={self.imds_url}: write http://address, or dhcp, or none beside Event Grid"
        if self.eventgrid is not None:
            yield from eventgrid_faults(self.eventgrid)
        if self.is_remote:
            yield from remote_faults(self.eventgrid, host=self.host, group=self.group, responders=self._has_responders)


def _is_web_address(url: str) -> bool:
    try:
        place = urlsplit(url)
        return place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0
    except ValueError:
        return False
