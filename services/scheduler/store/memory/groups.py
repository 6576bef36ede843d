"""Resource groups in memory."""

from services.scheduler.domain.collections import Collection, CollectionId, Namespace, ResourceGroup
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import name_key
from services.scheduler.store.trail import group_deleted, group_written


class GroupVerbs:
    """The verbs about resource groups."""

    _state: State

    async def put_group(self, group: ResourceGroup, *, by: Actor | None = None) -> bool:
        """See the port."""
        key = _key(group.namespace)
        before = self._state.groups.get(key)
        self._state.groups[key] = group
        self._state.record(group_written(by, group, before))
        return before is None and not self._inside(key)

    async def get_group(self, namespace: Namespace) -> ResourceGroup:
        """See the port."""
        key = _key(namespace)
        if key in self._state.groups:
            return self._state.groups[key]
        for collection in self._inside(key):
            return ResourceGroup(namespace=collection.namespace)
        raise NotFoundError(f"resource group {namespace.resource_group} does not exist")

    async def delete_group(self, namespace: Namespace, *, by: Actor | None = None) -> list[CollectionId]:
        """See the port."""
        key = _key(namespace)
        made, inside = self._state.groups.pop(key, None), self._inside(key)
        if made is None and not inside:
            raise NotFoundError(f"resource group {namespace.resource_group} does not exist")
        self._state.delete_collections(inside, by)
        self._state.record(group_deleted(by, made or ResourceGroup(namespace=namespace)))
        return [collection.id for collection in inside]

    def _inside(self, key: tuple[str, str]) -> list[Collection]:
        return [one for one in self._state.collections.values() if _key(one.namespace) == key]


def _key(namespace: Namespace) -> tuple[str, str]:
    return name_key(namespace.subscription), name_key(namespace.resource_group)
