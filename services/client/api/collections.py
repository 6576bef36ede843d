"""Job collections of a scheduler."""

from collections.abc import AsyncGenerator, Mapping

from services.client.api.connection import Connection
from services.client.api.model.collections import Collection
from services.client.api.paths import path


class Collections:
    """`client.collections`: what there is, and changing it."""

    def __init__(self, connection: Connection) -> None:
        """Ask by an open connection."""
        self._connection = connection

    def each(self) -> AsyncGenerator[Collection]:
        """Yield every collection."""
        return self._connection.each(Collection, path("collections"))

    async def get(self, name: str) -> Collection:
        """Return one; raises NotFoundError."""
        return await self._ask("GET", name)

    async def put(self, name: str, document: Collection | Mapping[str, object] | None = None) -> Collection:
        """Create a collection, or replace its settings; nothing is needed to create one."""
        return await self._ask("PUT", name, {} if document is None else document)

    async def patch(self, name: str, document: Collection | Mapping[str, object]) -> Collection:
        """Change what is given, leave the rest; None in a mapping removes."""
        return await self._ask("PATCH", name, document)

    async def enable(self, name: str) -> Collection:
        """Let its jobs run."""
        return await self._ask("POST", name, None, "enable")

    async def disable(self, name: str) -> Collection:
        """Keep its jobs from running; each keeps its own state."""
        return await self._ask("POST", name, None, "disable")

    async def delete(self, name: str) -> None:
        """Delete it with all its jobs and their history; raises NotFoundError."""
        await self._connection.call("DELETE", path("collections", name))

    async def _ask(self, method: str, name: str, body: object = None, *verb: str) -> Collection:
        return await self._connection.ask(Collection, method, path("collections", name, *verb), body)
