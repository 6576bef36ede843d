"""What the operator opens to jobs: how entries of LEEWARD_SECRETS_ENV and folders name a collection. Pure."""

import re
from collections.abc import Iterable

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Namespace

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,253}")


class Openings:
    """Variables that are open to all collections, or to one."""

    def __init__(self, entries: Iterable[str], home: Namespace) -> None:
        """Take entries that `check_opening` accepts."""
        self._entries = frozenset(map(_folded, entries))
        self._home = home

    def cover(self, variable: str, scope: Scope) -> bool:
        """Whether the jobs of a collection may have a variable's value."""
        own = "/".join((*path_of(scope, self._home), variable))
        return not self._entries.isdisjoint({variable, _folded(own)})


def path_of(scope: Scope, home: Namespace) -> tuple[str, ...]:
    """Return the words that name a collection: its own in the group `home`, subscription and group before it elsewhere.

    Neither can be taken for the other: there is one word, or there are three.
    """
    if Scope(home, scope.collection).covers(scope.namespace, scope.collection):
        return (scope.collection,)
    return scope.namespace.subscription, scope.namespace.resource_group, scope.collection


def check_opening(entry: str) -> None:
    """Raise ValueError for an entry that can open nothing, or opens what is Leeward's own."""
    *_, name = words = entry.split("/")
    if len(words) not in (1, 2, 4) or not all(words) or VARIABLE.fullmatch(name) is None:
        raise ValueError(f"{entry}: write NAME, COLLECTION/NAME or SUBSCRIPTION/GROUP/COLLECTION/NAME")
    if name.upper().startswith("LEEWARD_"):
        raise ValueError(f"{entry}: the scheduler's own settings are open to no job")


def _folded(entry: str) -> str:
    """Return an entry with its collection in lower case: collections are named without regard to case."""
    path, slash, name = entry.rpartition("/")
    return f"{path.casefold()}{slash}{name}"
