"""Which hosts may say that they are of a group: whoever is of it may report events about all of it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from shared.topics import HostKey


class Groups(msgspec.Struct, frozen=True):
    """The operator's list of groups, in lower case as Azure compares names, with patterns of their hosts' keys.

    An empty one takes every host's word for its group. Any other one takes it from the hosts listed, and lets all
    others speak for themselves alone.
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def admits(self, group: str, host: HostKey) -> bool:
        """Whether the host is believed to be of the group."""
        if not self.patterns:
            return True
        named = group.lower()
        return any(listed == named and fnmatchcase(host, pattern) for listed, pattern in self.patterns)


def read_groups(entries: Iterable[str]) -> Groups:
    """Read `group=pattern` entries, `*` and `?` standing for any part of a host's key; raises ValueError."""
    return Groups(tuple(_read(entry) for entry in entries))


def _read(entry: str) -> tuple[str, str]:
    group, equals, pattern = (part.strip().lower() for part in entry.rpartition("="))
    if not (group and equals and pattern):
        raise ValueError(f"groups: {entry!r}: write group=host names, for example db-scale-set=db-*")
    return group, pattern
