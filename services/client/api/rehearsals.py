"""Rehearsals on a real fleet: events that no provider announced, marked as such, and never approved."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import msgspec

from services.client.api.connection import Connection
from services.client.api.model.fleet import Event, Foresight
from services.client.api.paths import path


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rehearsed: a type of Azure's on hosts that are known, after a `notice`, for a `duration`."""

    type: str
    hosts: Sequence[str]
    notice: timedelta = timedelta(seconds=60)
    duration: timedelta = timedelta(seconds=30)
    description: str = ""

    def document(self) -> dict[str, object]:
        """Return it as it is sent."""
        return {
            "type": self.type,
            "hosts": list(self.hosts),
            "noticeSeconds": round(self.notice.total_seconds()),
            "durationSeconds": round(self.duration.total_seconds()),
            "description": self.description,
        }


class Rehearsals:
    """`client.rehearsals`: announcing them, and what they would do."""

    def __init__(self, connection: Connection) -> None:
        """Ask by an open connection."""
        self._connection = connection

    def each(self) -> AsyncGenerator[Event]:
        """Yield rehearsals, past ones too, as events."""
        return self._connection.each(Event, path("rehearsals"))

    async def announce(self, rehearsal: Rehearsal) -> Event:
        """Announce one and return its event."""
        return await self._connection.ask(Event, "POST", path("rehearsals"), rehearsal.document())

    async def foresee(self, rehearsal: Rehearsal) -> Foresight:
        """Return what it would do; nothing happens."""
        address = path("rehearsals", "foresight")
        return await self._connection.ask(Foresight, "POST", address, rehearsal.document(), again=True)

    async def cancel(self, event_id: str) -> Event:
        """Take one back; raises NotFoundError."""
        return await self._connection.ask(Event, "DELETE", path("rehearsals", event_id))
