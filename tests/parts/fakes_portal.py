"""What the portal needs of its process, as tests say it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.scheduler.health.figures import Figures
from services.scheduler.health.watch import Concern, Watch
from services.scheduler.metrics import Metrics
from services.scheduler.portal.ports import KeyShown, Line, SettingShown, Watched, Working
from shared.clock import Clock
from shared.messages import ReplicaStatus
from shared.topics import HostKey, host_key

_NOTHING = Watched()


class FakeReplica:
    """A scheduler of which everything is as it should be, until a test says otherwise; its metrics are real ones."""

    name = "scheduler-0"
    session = "session-0"

    def __init__(self, clock: Clock) -> None:
        self.metrics = Metrics("")
        self.metrics.store_up.set(1)
        self.metrics.bus_connected.set(1)
        self.figures = Figures(self.metrics.registry, steady=lambda: clock.now().timestamp())
        self.watch = Watch(self.figures, clock)
        self.started_at: datetime = clock.now()
        self.line = Line(broker="mqtt://127.0.0.1:1883", is_connected=True, since=clock.now())
        self.hosts: dict[HostKey, Watched] = {}
        self.work: dict[HostKey, Sequence[Working]] = {}
        self.statuses: Sequence[ReplicaStatus] = ()
        self.given: Mapping[str, tuple[str, str]] = {"database_url": ("postgresql://leeward:***@db/leeward", "")}
        self.sealing: Sequence[KeyShown] = (KeyShown(id="20260101-aa", seals_from=None, is_sealing=True),)

    def watched(self, host: HostKey) -> Watched:
        """Return what a test said of a host."""
        return self.hosts.get(host_key(host), _NOTHING)

    def working_on(self, host: HostKey) -> Sequence[Working]:
        """Return what a test said that runs there."""
        return self.work.get(host, ())

    def heard(self) -> Sequence[ReplicaStatus]:
        """Return what a test said that schedulers have said."""
        return self.statuses

    def concerns(self) -> Sequence[Concern]:
        """Judge by the metrics."""
        return self.watch.concerns()

    def settings(self) -> Sequence[SettingShown]:
        """Return the settings that a test gave, by name: value and source."""
        return [
            SettingShown(name=name, value=value, source=source, purpose=f"what {name} is for")
            for name, (value, source) in self.given.items()
        ]

    def keys(self) -> Sequence[KeyShown]:
        """Return the keys that a test gave."""
        return self.sealing
