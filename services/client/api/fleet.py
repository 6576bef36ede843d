"""Hosts and events of a scheduler."""

from collections.abc import AsyncGenerator
from datetime import datetime

import msgspec

from services.client.api.connection import Connection
from services.client.api.filters import between, equal, query_of
from services.client.api.model.fleet import Event, EventOutcome, EventStatistics, Host
from services.client.api.paths import path


class _Statistics(msgspec.Struct, frozen=True):
    value: list[EventStatistics]


class Hosts:
    """`client.hosts`: the machines, and keeping jobs off them by hand."""

    def __init__(self, connection: Connection) -> None:
        """Ask by an open connection."""
        self._connection = connection

    def each(self) -> AsyncGenerator[Host]:
        """Yield every host."""
        return self._connection.each(Host, path("hosts"))

    async def get(self, name: str) -> Host:
        """Return one; raises NotFoundError."""
        return await self._connection.ask(Host, "GET", path("hosts", name))

    async def cordon(self, name: str, *, reason: str, until: datetime | None = None) -> Host:
        """Keep jobs off a host, as an event does; `until` is when that ends by itself."""
        body = {"reason": reason, **({} if until is None else {"until": until})}
        return await self._connection.ask(Host, "POST", path("hosts", name, "cordon"), body, again=True)

    async def release(self, name: str) -> Host:
        """Lift a cordon made by hand; an event's stays."""
        return await self._connection.ask(Host, "POST", path("hosts", name, "release"), {}, again=True)


class Events:
    """`client.events`: what providers announced about hosts, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        """Ask by an open connection."""
        self._connection = connection

    def each(self, *, outcome: EventOutcome | None = None) -> AsyncGenerator[Event]:
        """Yield events, past ones too, the last seen first."""
        return self._connection.each(Event, path("events"), query_of(*equal("outcome", outcome)))

    async def get(self, event_id: str) -> Event:
        """Return one; raises NotFoundError."""
        return await self._connection.ask(Event, "GET", path("events", event_id))

    async def statistics(self, *, type: str | None = None, since: datetime | None = None) -> list[EventStatistics]:  # noqa: A002 - the field's own name
        """Return what came of events, type by type; of those first seen `since` then."""
        query = query_of(*equal("type", type), *between("firstSeenAt", since, None))
        found = await self._connection.ask(_Statistics, "GET", path("events", "stats"), query=query)
        return found.value
