"""Resource groups in SQL."""

from sqlalchemy import delete, select

from services.scheduler.domain.collections import CollectionId, Namespace, ResourceGroup
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor
from services.scheduler.store.progress import name_key
from services.scheduler.store.sql.audit import AuditLog
from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.deletion import bury, empty
from services.scheduler.store.sql.guards import Guards
from services.scheduler.store.sql.hot_rows import COLLECTION, collection_of
from services.scheduler.store.sql.tables import collections, resource_groups
from services.scheduler.store.trail import collections_deleted, group_deleted, group_written

_INSIDE = f"""SELECT {", ".join(COLLECTION)} FROM collections
    WHERE subscription_key = $1 AND group_key = $2 ORDER BY id"""


class GroupVerbs:
    """The verbs about resource groups."""

    _db: Database
    _audit: AuditLog
    _guards: Guards

    async def put_group(self, group: ResourceGroup, *, by: Actor | None = None) -> bool:
        """See the port."""
        keys = _keys(group.namespace)
        async with self._audit.write() as (tx, entries):
            before: ResourceGroup | None = await tx.exchange(resource_groups, keys, group)
            used = await tx.first(select(collections.c.id).filter_by(**keys).limit(1))
            entries += group_written(by, group, before)
        return before is None and used is None

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

    async def delete_group(self, namespace: Namespace, *, by: Actor | None = None) -> list[CollectionId]:
        """See the port."""
        keys = _keys(namespace)
        async with self._audit.write() as (tx, entries):
            made = await tx.first(select(resource_groups.c.body).filter_by(**keys).with_for_update())
            inside = [collection_of(row) for row in await tx.fetch(f"{_INSIDE} {tx.words.locked}", *keys.values())]
            if made is None and not inside:
                raise NotFoundError(f"resource group {namespace.resource_group} does not exist")
            ids = [collection.id for collection in inside]
            await bury(tx, ids, by)
            await tx.run(delete(resource_groups).filter_by(**keys))
            entries += collections_deleted(by, inside)
            entries += group_deleted(by, ResourceGroup(namespace=namespace) if made is None else made.body)
        for collection_id in ids:
            await empty(self._audit, collection_id)
        async with self._db.write() as tx:
            for collection_id in ids:
                await self._guards.announce_collection(tx, collection_id)
        return ids


def _keys(namespace: Namespace) -> dict[str, str]:
    return {"subscription_key": name_key(namespace.subscription), "group_key": name_key(namespace.resource_group)}
