"""When held occurrences go, once they may: so many a second for each host, so that none storms one that is back."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.placement import Run, candidates, home_of
from services.scheduler.domain.threats import Case, barriers
from services.scheduler.store.records import Held
from shared.clock import EPOCH, to_milliseconds_precision
from shared.topics import HostKey

_APART = timedelta(milliseconds=1)
"""Between two of one job: claims come by their instant, so that they are sent in due order."""


class Freed(msgspec.Struct, frozen=True, kw_only=True):
    """A held occurrence that may run, and the hosts among which it will find its own; without any, nothing paces it."""

    held: Held
    hosts: tuple[HostView, ...] = ()


def takers(case: Case, run: Run, fleet: FleetView) -> tuple[HostView, ...]:
    """Return the hosts that what is let go spreads over: the job's own where it runs there, else all it may use now."""
    if run.host is None:
        return ()
    home = home_of(case.definition, fleet)
    if home is not None and home.key == run.host.key:
        return (home,)
    others = candidates(case.definition, home, fleet).others
    return tuple(host for host in others if not (host.threats and barriers(case, host))) or (run.host,)


class Pace:
    """Gives releases their instants, in the order in which they are asked for.

    `rate` is how many a host gets a second (0: any number), `last` when the last of what was let go before goes, by the
    host or pool that it was held for (`Store.last_releases`). What a pool's hosts can take together goes at the same
    time, wherever each will run: placement decides that at its start.
    """

    def __init__(self, rate: float, last: Mapping[str, datetime]) -> None:
        self._step = timedelta(seconds=1 / rate) if rate else timedelta(0)
        self._last = last
        self._free_at: dict[HostKey, datetime] = {}
        self._latest: dict[JobId, datetime] = {}

    def when(self, freed: Freed, now: datetime) -> datetime:
        """Return when an occurrence goes; its place is taken from then on."""
        at = now
        if freed.hosts:
            host = min(freed.hosts, key=lambda one: (self._room_at(one), one.key))
            at = max(now, self._room_at(host))
            self._free_at[host.key] = at + self._step
        job_id = freed.held.job.id
        if job_id in self._latest:
            at = max(at, self._latest[job_id] + _APART)
        at = to_milliseconds_precision(at)
        self._latest[job_id] = at
        return at

    def _room_at(self, host: HostView) -> datetime:
        """Return from when on a host may get another one."""
        if host.key not in self._free_at:
            earlier = (self._last[label] + self._step for label in (host.key, *host.pools) if label in self._last)
            self._free_at[host.key] = max(earlier, default=EPOCH)
        return self._free_at[host.key]
