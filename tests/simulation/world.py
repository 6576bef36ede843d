"""The fleet that is simulated: placement groups of hosts over fault domains, and pools. All of it from one seed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from shared.messages import Inventory
from shared.topics import HostKey, host_key

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""When simulated time begins; an instant like any other, and the same in every run."""
POOL_SIZE = 5
HUDDLED = 10
"""Every so many-th group has its pools badly placed: all of a pool in one fault domain."""
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
RHYTHMS = (
    (_MINUTE, 0.006),
    (5 * _MINUTE, 0.024),
    (15 * _MINUTE, 0.06),
    (_HOUR, 0.30),
    (6 * _HOUR, 0.21),
    (24 * _HOUR, 0.40),
)
"""How often jobs are due, and the share of each."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated; occurrences due within `span` are followed to their end.

    `stagger`: within what time the groups' updates begin. `rarities`: the share of events that do not go by the book.
    """

    groups: int = 100
    hosts: int = 10
    domains: int = 5
    jobs: int = 100_000
    span: timedelta = timedelta(hours=3)
    stagger: timedelta = timedelta(minutes=20)
    rhythms: tuple[tuple[timedelta, float], ...] = RHYTHMS
    lost: int = 4
    failing: int = 10


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One VM: its name, where it stands, and when in a second its watcher polls."""

    name: str
    key: HostKey
    group: str
    domain: int
    pool: str
    address: str
    phase: float

    def inventory(self) -> Inventory:
        """Return who it is, as its watcher says it."""
        return Inventory(
            host=self.name,
            computer_name=self.name,
            addresses=(self.address,),
            pools=(self.pool,),
            group=self.group,
            scale_set=self.group,
            fault_domain=str(self.domain),
            update_domain=str(self.domain),
        )


def hosts_of(size: Size, seed: int) -> list[Host]:
    """Return the fleet, group by group."""
    random = Random(f"hosts {seed}")
    return [host for number in range(size.groups) for host in _group(number, size, random)]


def _group(number: int, size: Size, random: Random) -> Iterator[Host]:
    """Yield a scale set: fault domains take turns, so that neighbours make a pool over all of them."""
    group = f"set-{number:02}"
    huddled = number % HUDDLED == HUDDLED - 1
    for place in range(size.hosts):
        domain = place % size.domains
        yield Host(
            name=f"{group}_{place}",
            key=host_key(f"{group}_{place}"),
            group=group,
            domain=domain,
            pool=f"{group}-pool-{domain if huddled else place // POOL_SIZE}",
            address=f"10.{number // 250 + 1}.{number % 250}.{place + 4}",
            phase=random.random(),
        )
