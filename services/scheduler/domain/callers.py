"""Who calls the API, and what that caller may see and change."""

from enum import StrEnum

import msgspec

from services.scheduler.domain.collections import Namespace


class Role(StrEnum):
    """What a caller may do: a reader looks, an operator changes."""

    READER = "reader"
    OPERATOR = "operator"


class Scope(msgspec.Struct, frozen=True):
    """One collection of one group, names compared without case."""

    namespace: Namespace
    collection: str

    def covers(self, namespace: Namespace, collection: str) -> bool:
        """Whether it is this collection."""
        return _folded(self.namespace, self.collection) == _folded(namespace, collection)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller whose identity was proven, or the one of a scheduler without authentication.

    `name` stands in the audit log. `scopes` None: every collection, and what belongs to none (hosts, events, settings).
    """

    name: str
    role: Role
    scopes: tuple[Scope, ...] | None = None

    @property
    def may_change(self) -> bool:
        """Whether changes are allowed at all."""
        return self.role is Role.OPERATOR

    @property
    def is_confined(self) -> bool:
        """Whether only some collections are to be seen."""
        return self.scopes is not None

    def may_see(self, namespace: Namespace, collection: str) -> bool:
        """Whether a collection is within the caller's scopes."""
        return self.scopes is None or any(scope.covers(namespace, collection) for scope in self.scopes)


ANYBODY = Caller(name="anybody", role=Role.OPERATOR)
"""The caller of a scheduler that asks for no authentication; it listens on loopback only."""


def _folded(namespace: Namespace, collection: str) -> tuple[str, str, str]:
    return namespace.subscription.casefold(), namespace.resource_group.casefold(), collection.casefold()
