"""The referee: watches starts and approvals with its own eyes, from what the watchers have published.

It asks neither the fleet's views nor the drains, so that a defect there does not excuse itself.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.scheduler.domain.policies import LastStanding, Policies, Strategy, Traits
from services.scheduler.domain.threats import Case
from services.vmwatch.documents import SCHEDULED
from shared.messages import Event
from shared.topics import HostKey, host_key
from tests.simulation.executions import Executions
from tests.simulation.ledger import Ledger
from tests.simulation.workload import Workload


class Referee:
    """Knows which events are published, and which of them Azure was asked to begin."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._by_host: dict[HostKey, tuple[Event, ...]] = {}
        self._asked: set[str] = set()

    def see(self, hosts: Iterable[HostKey], events: Iterable[Event]) -> None:
        """Take note of all that is published about the hosts of a group."""
        listed = [(event, frozenset(map(host_key, event.resources))) for event in events]
        for host in hosts:
            self._by_host[host] = tuple(event for event, named in listed if host in named)

    def check_start(self, case: Case, host: HostKey) -> None:
        """Nothing starts where an event keeps it off, or would not let it be done."""
        for event in self._by_host.get(host, ()):
            rule = case.policies.under(_traits(event))
            if rule.strategy is Strategy.IGNORE:
                continue
            may_use_the_notice = rule.lead_time is not None or rule.last_standing is not LastStanding.HOLD_ALL
            if not may_use_the_notice or not self._is_time_left(event, case):
                self._ledger.fault(f"{case.uid} starts on {host} at {case.now} in spite of {event.event_id}")

    def check_approval(self, event_id: str, executions: Executions, now: datetime) -> None:
        """Nothing is approved while anything runs there that heeds the event."""
        self._asked.add(event_id)
        for host, events in self._by_host.items():
            event = next((each for each in events if each.event_id == event_id), None)
            if event is not None and any(_heeds(one.case.policies, event) for one in executions.on(host)):
                self._ledger.fault(f"{event_id} is approved at {now} though {host} is not drained")

    def check_accounts(self, work: Workload, end: datetime) -> None:
        """Each due instant is there, by plain arithmetic, and each occurrence has ended."""
        for job, nature in zip(work.jobs, work.natures, strict=True):
            if self._ledger.dues[job.id] != nature.dues(end):
                self._ledger.fault(f"{job.name} was due {nature.dues(end)} times, planned {self._ledger.dues[job.id]}")
        if len(self._ledger):
            self._ledger.fault(f"{len(self._ledger)} occurrences have not ended")

    def _is_time_left(self, event: Event, case: Case) -> bool:
        if event.status != SCHEDULED or event.not_before is None or event.event_id in self._asked:
            return False
        return event.not_before - case.now > (case.expected or timedelta())


def _traits(event: Event) -> Traits:
    return Traits(event.type, event.source, event.duration_seconds)


def _heeds(policies: Policies, event: Event) -> bool:
    return policies.under(_traits(event)).strategy is not Strategy.IGNORE
