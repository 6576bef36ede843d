"""Short ways to call Azure's paths of a running API."""

from datetime import datetime
from typing import Any

from tests.parts.fakes_api import Api, HandClock, Reply

GROUP = "/subscriptions/sub-1/resourceGroups/rg"
COLLECTIONS = f"{GROUP}/providers/Microsoft.Scheduler/jobCollections"
VERSION = "2016-03-01"
Json = dict[str, Any]


class Arm:
    """A caller of the ARM mount: paths may be whole, or begin below the job collections of one group."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def call(
        self, method: str, path: str = "", body: object = None, *, version: str | None = VERSION, **headers: str
    ) -> Reply:
        """Send a request with an api-version (None: without)."""
        url = path if path.startswith("http") else f"{self.api.url}{self._whole(path)}"
        if version is not None and "api-version" not in url:
            url += f"{'&' if '?' in url else '?'}api-version={version}"
        return await self.api.call(method, url, body, **headers)

    async def put_job(self, name: str, **properties: Any) -> Reply:
        """PUT a job of the collection `jc`; an action is added where none is given."""
        action = {"type": "http", "request": {"uri": "http://db-0/tick", "method": "GET"}}
        return await self.call("PUT", f"/jc/jobs/{name}", {"properties": {"action": action, **properties}})

    def stand_at(self, instant: datetime) -> None:
        """Turn the clock to an instant."""
        clock = self.api.services.clock
        assert isinstance(clock, HandClock)
        clock.turn(instant - clock.now())

    @staticmethod
    def _whole(path: str) -> str:
        return path if path.lower().startswith(("/subscriptions", "/api")) else f"{COLLECTIONS}{path}"
