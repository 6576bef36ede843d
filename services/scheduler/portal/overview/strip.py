"""The fleet as a strip: every host by pool and condition, small enough for hundreds of them. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from services.scheduler.api.schemas.fleet import HostDocument
from services.scheduler.domain.hosts import HostCondition

ROOMY = 24
"""So many hosts are shown with their names; of more only the sign of their condition is."""


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One host; `title` is all that is said of it."""

    host: str
    condition: HostCondition
    is_watched: bool
    title: str


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that can stand in for each other; `name` is empty for hosts in no pool.

    `words` says how many there are in each condition.
    """

    name: str
    tiles: tuple[Tile, ...]
    words: str


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fleet; `is_roomy`: few enough to be named."""

    pools: tuple[Pool, ...]
    is_roomy: bool


def strip(hosts: Sequence[HostDocument]) -> Strip:
    """Return the strip; a host in several pools stands in each."""
    pools: dict[str, list[HostDocument]] = {}
    for host in hosts:
        for pool in host.pools or ("",):
            pools.setdefault(pool, []).append(host)
    ordered = sorted(pools.items(), key=lambda item: (item[0] == "", item[0]))
    return Strip(pools=tuple(_pool(name, members) for name, members in ordered), is_roomy=len(hosts) <= ROOMY)


def _pool(name: str, hosts: list[HostDocument]) -> Pool:
    counts = Counter(host.condition for host in hosts)
    words = [f"{counts[HostCondition.AVAILABLE]} of {len(hosts)} available"]
    words += [
        f"{counts[each]} {each}" for each in HostCondition if each is not HostCondition.AVAILABLE and counts[each]
    ]
    return Pool(name=name, tiles=tuple(_tile(host) for host in hosts), words=", ".join(words))


def _tile(host: HostDocument) -> Tile:
    is_watched = host.watcher == "online"
    said = [f"{host.host}: {host.condition}"]
    said += [host.reason] if host.reason else []
    said += [] if is_watched else ["its watcher is not heard"]
    return Tile(host=host.host, condition=host.condition, is_watched=is_watched, title=", ".join(said))
