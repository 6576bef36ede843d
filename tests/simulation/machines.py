"""The VMs themselves: up, frozen or down, whatever anybody has announced."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from shared.topics import HostKey
from tests.simulation.agenda import Agenda


class Impact(StrEnum):
    """What happens to a VM. PAUSE: it stands still and goes on. STOP: all that runs on it is gone."""

    PAUSE = "pause"
    STOP = "stop"


class Blow(msgspec.Struct, frozen=True, kw_only=True):
    """One interruption of one VM; `until` None: it never comes back."""

    host: HostKey
    impact: Impact
    until: datetime | None


class Machines:
    """Which VMs are hit at the moment; `hit` hears of each blow as it falls, `back` of VMs that run again."""

    def __init__(self, agenda: Agenda, hosts: Iterable[HostKey]) -> None:
        self._agenda = agenda
        self._blows: dict[HostKey, Blow] = {}
        self.all = tuple(hosts)
        self.hit: Callable[[Blow], None] = lambda _: None
        self.back: Callable[[Blow], None] = lambda _: None

    def blow(self, host: HostKey) -> Blow | None:
        """Return what has hit a VM and lasts."""
        return self._blows.get(host)

    def is_up(self, host: HostKey) -> bool:
        """Whether a VM runs."""
        return host not in self._blows

    def is_gone(self, host: HostKey) -> bool:
        """Whether a VM will never run again."""
        blow = self._blows.get(host)
        return blow is not None and blow.until is None

    def interrupt(self, host: HostKey, impact: Impact, seconds: float | None) -> None:
        """Hit a VM; one that is down already stays as it is."""
        if host in self._blows:
            return
        until = None if seconds is None else self._agenda.now() + timedelta(milliseconds=round(seconds * 1000))
        blow = Blow(host=host, impact=impact, until=until)
        self._blows[host] = blow
        self.hit(blow)
        if until is not None:
            self._agenda.at(until, lambda: self._recover(blow))

    def _recover(self, blow: Blow) -> None:
        del self._blows[blow.host]
        self.back(blow)
