"""Resource groups in SQL."""

from sqlalchemy import delete, select

from services.scheduler.domain.collections import CollectionId, Namespace, ResourceGroup
from services.scheduler.errors import NotFoundError
from services.scheduler.store.progress import name_key
from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.deletion import bury, empty
from services.scheduler.store.sql.guards import Guards
from services.scheduler.store.sql.tables import collections, resource_groups


class GroupVerbs:
    """The verbs about resource groups."""

    _db: Database
    _guards: Guards

    async def put_group(self, group: ResourceGroup) -> bool:
        """See the port."""
        keys = _keys(group.namespace)
        async with self._db.write() as tx:
            made = await tx.first(select(resource_groups).filter_by(**keys))
            used = await tx.first(select(collections.c.id).filter_by(**keys).limit(1))
            await tx.upsert(resource_groups, **keys, body=group)
        return made is None and used is None

    async def get_group(self, namespace: Namespace) -> ResourceGroup:
        """See the port."""
        keys = _keys(namespace)
        inside = select(collections.c.subscription, collections.c.resource_group).filter_by(**keys).limit(1)
        async with self._db.read() as tx:
            row = await tx.first(select(resource_groups.c.body).filter_by(**keys))
            used = None if row is not None else await tx.first(inside)
        if row is not None:
            group: ResourceGroup = row.body
            return group
        if used is None:
            raise NotFoundError(f"resource group {namespace.resource_group} does not exist")
        return ResourceGroup(namespace=Namespace(used.subscription, used.resource_group))

    async def delete_group(self, namespace: Namespace) -> list[CollectionId]:
        """See the port."""
        keys = _keys(namespace)
        async with self._db.write() as tx:
            made = await tx.first(select(resource_groups.c.group_key).filter_by(**keys))
            locked = select(collections.c.id).filter_by(**keys).order_by(collections.c.id).with_for_update()
            ids = [CollectionId(row.id) for row in await tx.rows(locked)]
            if made is None and not ids:
                raise NotFoundError(f"resource group {namespace.resource_group} does not exist")
            await bury(tx, ids)
            await tx.run(delete(resource_groups).filter_by(**keys))
        for collection_id in ids:
            await empty(self._db, collection_id)
        async with self._db.write() as tx:
            for collection_id in ids:
                await self._guards.announce_collection(tx, collection_id)
        return ids


def _keys(namespace: Namespace) -> dict[str, str]:
    return {"subscription_key": name_key(namespace.subscription), "group_key": name_key(namespace.resource_group)}
