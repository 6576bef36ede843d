"""The client: everything that a scheduler's API has, typed.

async with Client("https://scheduler:8443", token=read_token(Path("token"))) as client:
    async for job in client.jobs.each("demo"):
        print(job.name, job.state)
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from services.client.api.collections import Collections
from services.client.api.connection import Connection, Patience
from services.client.api.errors import NotReachableError
from services.client.api.filters import between, equal, query_of
from services.client.api.fleet import Events, Hosts
from services.client.api.jobs import Jobs
from services.client.api.model.fleet import Lost, Regained, Update
from services.client.api.model.history import AuditEntry
from services.client.api.paths import path
from services.client.api.rehearsals import Rehearsals
from shared.retry import Backoff


class Client(Connection):
    """One program's conversation with a scheduler, open as long as its context lasts."""

    def __init__(
        self, url: str, *, token: str = "", trust: ssl.SSLContext | None = None, patience: Patience | None = None
    ) -> None:
        """Show a `token` if there is one; `trust` None means the machine's authorities. Raises AccessError."""
        super().__init__(url, token=token, trust=trust, patience=patience)
        self.collections = Collections(self)
        self.jobs = Jobs(self)
        self.hosts = Hosts(self)
        self.events = Events(self)
        self.rehearsals = Rehearsals(self)

    def audit(
        self,
        *,
        collection: str | None = None,
        job: str | None = None,
        host: str | None = None,
        caller: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncGenerator[AuditEntry]:
        """Yield who changed what, the latest change first."""
        equals = {"collection": collection, "job": job, "host": host, "caller": caller, "action": action}
        conditions = [condition for name, value in equals.items() for condition in equal(name, value)]
        return self.each(AuditEntry, path("audit"), query_of(*conditions, *between("at", since, until)))

    async def stream(self) -> AsyncGenerator[Update | Lost | Regained]:
        """Yield what happens as it happens, for ever.

        It begins with Regained: what happens from then on is heard. When the stream breaks off it is taken up again,
        with Lost in between. Raises NotReachableError only if there never was one, RefusedError whenever it is refused.
        """
        waits, was_heard = Backoff(first=0.5, limit=10), False
        while True:
            why = "the scheduler ended the stream"
            try:
                async with aclosing(self.follow()) as heard:
                    async for raw in heard:
                        waits.reset()
                        was_heard = True
                        yield self._read(raw, Update) if raw else Regained()
            except NotReachableError as fault:
                if not was_heard:
                    raise
                why = str(fault)
            yield Lost(why=why)
            await asyncio.sleep(waits.next())
