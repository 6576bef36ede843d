"""What a merge of the whole fleet costs: `python -m tests.bench.merging [hosts]`, in milliseconds of processor time."""

import sys
import time
from collections.abc import Callable
from itertools import count

import click

from services.scheduler.feed import Feed
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.fleet.hosts import Load
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.rules import FleetRules
from services.scheduler.store.memory.store import MemoryStore
from shared.messages import Event
from shared.topics import HostKey
from tests.parts.builders import NOON, event, inventory, online, snapshot
from tests.parts.fakes_api import HandClock

TIMES = 50
GROUP = 100
"""Hosts that see the same events, as those of a placement group do."""


class Large:
    """A fleet of so many watched hosts in pools and groups."""

    def __init__(self, hosts: int) -> None:
        self.names = [f"vm-{number:05}" for number in range(hosts)]
        self._heard, self._sequence = Reports(), count(1)
        self._fleet = Fleet(MemoryStore(str), HandClock(), self._heard, FleetRules(), Feed(), lambda _: Load())
        for number, name in enumerate(self.names):
            who = inventory(name, f"pool-{number % 10}", group=f"group-{number // GROUP}")
            self._heard.take_inventory(HostKey(name), who)
            self._heard.take_status(HostKey(name), online(name), retained=False, now=NOON)
            self.see(name)
        self._fleet.refresh()

    def see(self, name: str, *events: Event) -> None:
        """Let a watcher publish what it sees."""
        self._heard.take_snapshot(HostKey(name), snapshot(name, *events, sequence=next(self._sequence)))

    def merge(self, news: Callable[[int], None]) -> float:
        """Return how many milliseconds a merge takes, the least of some with news before each."""
        taken = []
        for number in range(TIMES):
            news(number)
            began = time.process_time()
            self._fleet.refresh()
            taken.append(time.process_time() - began)
        return min(taken) * 1000


def main(hosts: int) -> None:
    """Measure the usual situations and print them."""
    large = Large(hosts)
    names = large.names
    click.echo(f"calm, nothing new: {large.merge(lambda _: None):.2f} ms")
    threatened = large.merge(lambda at: large.see(names[at], event(names[at], event_id=f"A{at}")))
    click.echo(f"one more host under an event: {threatened:.2f} ms")
    for name in names[-2 * GROUP :]:
        large.see(name, event(name, event_id=f"B{name}"))
    click.echo(f"a fifth under events, one of which ends: {large.merge(lambda at: large.see(names[-1 - at])):.2f} ms")
    for name in names[:GROUP]:
        large.see(name, *(event(other, event_id=f"C{other}") for other in names[:20]))
    click.echo(f"each host of a group lists twenty events: {large.merge(lambda _: None):.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
