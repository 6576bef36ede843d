"""Resource groups in memory."""

from services.scheduler.domain.collections import CollectionId, Namespace, ResourceGroup
from services.scheduler.errors import NotFoundError
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import name_key


class GroupVerbs:
    """The verbs about resource groups."""

    _state: State

    async def put_group(self, group: ResourceGroup) -> bool:
        """See the port."""
        key = _key(group.namespace)
        is_new = key not in self._state.groups and not self._inside(key)
        self._state.groups[key] = group
        return is_new

    async def get_group(self, namespace: Namespace) -> ResourceGroup:
        """See the port."""
        key = _key(namespace)
        if key in self._state.groups:
            return self._state.groups[key]
        for collection_id in self._inside(key):
            return ResourceGroup(namespace=self._state.collections[collection_id].namespace)
        raise NotFoundError(f"resource group {namespace.resource_group} does not exist")

    async def delete_group(self, namespace: Namespace) -> list[CollectionId]:
        """See the port."""
        key = _key(namespace)
        inside = self._inside(key)
        if self._state.groups.pop(key, None) is None and not inside:
            raise NotFoundError(f"resource group {namespace.resource_group} does not exist")
        self._state.delete_jobs({job.id for job in self._state.jobs.values() if job.collection_id in inside})
        for collection_id in inside:
            del self._state.collections[collection_id]
        return sorted(inside)

    def _inside(self, key: tuple[str, str]) -> set[CollectionId]:
        return {one.id for one in self._state.collections.values() if _key(one.namespace) == key}


def _key(namespace: Namespace) -> tuple[str, str]:
    return name_key(namespace.subscription), name_key(namespace.resource_group)
