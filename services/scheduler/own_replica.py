"""This replica as its own pages show it: put together from its parts, for `portal.ports`."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.running import Running
from services.scheduler.errors import LeaseLostError
from services.scheduler.fleet.reports import Reports
from services.scheduler.health.figures import Figures
from services.scheduler.health.watch import Concern, Watch
from services.scheduler.metrics import Metrics
from services.scheduler.portal.ports import KeyShown, Line, SettingShown, Watched, Working
from services.scheduler.settings import Settings
from services.scheduler.vault.keys import KeyRing
from shared.bus import Bus, Delivery
from shared.clock import Clock
from shared.messages import ReplicaStatus, decode
from shared.settings import masked
from shared.topics import HostKey, Topics

_MOST_HEARD = 1000
"""Schedulers that are remembered; nobody has so many."""


class OwnReplica:
    """Reads, and changes nothing."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        *,
        reports: Reports,
        running: Running,
        lease: Lease,
        keys: KeyRing,
        bus: Bus,
        sources: Mapping[str, str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sources` say of settings, by name, which variable or flag has set them; `monotonic` is process time."""
        self.figures = Figures(metrics.registry, steady=monotonic)
        self.watch = Watch(self.figures, clock)
        self.name = settings.replica
        self.started_at = clock.now()
        self._settings = settings
        self._clock = clock
        self._reports = reports
        self._running = running
        self._lease = lease
        self._keys = keys
        self._bus = bus
        self._sources = sources
        self._monotonic = monotonic
        self._connection_changed_at: datetime | None = None
        self._heard: dict[str, ReplicaStatus] = {}

    # -- what is noted -------------------------------------------------------------------------------------------------

    def subscribe(self, bus: Bus, topics: Topics) -> None:
        """Ask the bus for what schedulers say of themselves; call before the bus runs."""
        bus.subscribe(topics.all_schedulers("status"), self._note)

    def note_connection(self) -> None:
        """The connection to the broker has begun or ended."""
        self._connection_changed_at = self._clock.now()

    async def _note(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return
        status = decode(delivery.payload, ReplicaStatus)
        if status.replica in self._heard or len(self._heard) < _MOST_HEARD:
            self._heard[status.replica] = status

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def session(self) -> str:
        """Its present life, as the store names it; empty without one."""
        try:
            return self._lease.owner.session
        except LeaseLostError:
            return ""

    @property
    def line(self) -> Line:
        """Its connection to the broker."""
        return Line(
            broker=_place(self._settings.mqtt_url),
            is_connected=self._bus.connected,
            since=self._connection_changed_at,
            problems=self._bus.problems,
        )

    def watched(self, host: HostKey) -> Watched:
        """Return what was heard of a host; nothing of one that was never heard."""
        now, reports = self._clock.now(), self._reports
        blocks = {
            name: block
            for name, block in sorted(reports.blocks.get(host, {}).items())
            if block.until is None or block.until > now
        }
        return Watched(
            inventory=reports.inventories.get(host),
            status=reports.statuses.get(host),
            heard_at=reports.heard_at(host),
            blocks=blocks,
        )

    def working_on(self, host: HostKey) -> Sequence[Working]:
        """Return what runs on a host now, in this process alone, the longest first."""
        now = self._monotonic()
        return [
            Working(occurrence=execution.occurrence, elapsed=timedelta(seconds=now - execution.began))
            for execution in self._running.on(host)
        ]

    def heard(self) -> Sequence[ReplicaStatus]:
        """Return what each scheduler has said of itself on the bus, by name."""
        return [self._heard[name] for name in sorted(self._heard)]

    def concerns(self) -> Sequence[Concern]:
        """Return what is to be looked at, or may come to that."""
        return self.watch.concerns()

    def settings(self) -> Sequence[SettingShown]:
        """Return the settings in effect, in the order of their documentation."""
        return [
            SettingShown(name=name, value=value, source=self._sources.get(name, ""), purpose=Settings.describe[name])
            for name, value in masked(self._settings).items()
        ]

    def keys(self) -> Sequence[KeyShown]:
        """Return the keys that seal secrets."""
        sealing = self._keys.sealing()
        return [KeyShown(id=key.id, seals_from=key.seals_from, is_sealing=key.id == sealing) for key in self._keys.keys]


def _place(url: str) -> str:
    """Return scheme, host and port of a broker's address, and nothing of who signs in there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
