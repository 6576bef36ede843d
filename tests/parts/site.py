"""A whole site as processes: broker, emulated metadata service, watchers, scheduler, and targets that record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from shared.bus import Bus
from shared.messages import HostStatus, decode
from tests.parts.brokers import BrokerProcess
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.recorder import Recorder
from tests.parts.waiting import until

Json = dict[str, Any]

ADDRESSES = {"db-0": "127.0.0.11", "db-1": "127.0.0.12", "web-0": "127.0.0.13"}
POOLS = {"db-0": "db", "db-1": "db", "web-0": "web"}


class Site:
    """Everything a situation needs; `jobs`, `hosts` and `events` speak to the scheduler as a client would."""

    def __init__(
        self,
        folder: Path,
        *,
        hosts: tuple[str, ...],
        settings: dict[str, str],
        broker: BrokerProcess | None = None,
        watching: dict[str, str] | None = None,
    ) -> None:
        """Lay out the site in a folder of its own; `broker` may be a guarded one.

        `settings` are the scheduler's, `watching` those of all watchers.
        """
        self.hosts = hosts
        self.broker: BrokerProcess = broker or Mosquitto(folder)
        self.targets = Recorder(*(ADDRESSES[host] for host in hosts))
        self.imds_port, self.api_port, self.ops_port = free_port(), free_port(), free_port()
        self.emulator = Program(
            "services.vmwatch.emulator",
            f"--listen=127.0.0.1:{self.imds_port}",
            "--start-delay=0.3",
            *(f"--vm={host}:{POOLS[host]}@{ADDRESSES[host]}" for host in hosts),
            log=folder / "imds.log",
        )
        self.watcher_ops = {host: free_port() for host in hosts}
        self.watchers = {host: self._watcher(folder, host, watching or {}) for host in hosts}
        self.scheduler = Program(
            "services.scheduler",
            log=folder / "scheduler.log",
            settings={
                **self.broker.environment("leeward-scheduler"),
                "LEEWARD_DATABASE_URL": f"sqlite:///{folder}/leeward.db",
                "LEEWARD_LISTEN": f"127.0.0.1:{self.api_port}",
                "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self.ops_port}",
                "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8",
                "LEEWARD_REPLICA": "one",
                # A host that is back has its share of jobs at once, unless a test is about how it warms up.
                "LEEWARD_WARM_UP_SECONDS": "0",
                **settings,
            },
        )
        self._http: ClientSession | None = None

    def _watcher(self, folder: Path, host: str, settings: dict[str, str]) -> Program:
        return Program(
            "services.vmwatch",
            log=folder / f"{host}.log",
            settings={
                **self.broker.environment(host),
                "LEEWARD_IMDS_URL": f"http://127.0.0.1:{self.imds_port}/vm/{host}",
                "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self.watcher_ops[host]}",
                "LEEWARD_POLL_SECONDS": "0.5",
                "LEEWARD_STATE_FILE": f"{folder}/{host}.json",
                **settings,
            },
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        """Start all parts, wait until every host is watched and calm, and take all down at the end."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.broker)
            await stack.enter_async_context(self.targets)
            self._http = await stack.enter_async_context(ClientSession())
            for program in (self.emulator, *self.watchers.values(), self.scheduler):
                await stack.enter_async_context(program)
            await self.ready()
            await self.until_host(lambda hosts: len(hosts) == len(self.hosts))
            await self.call("PUT", "/collections/demo", {})
            yield self

    async def ready(self) -> None:
        """Wait until the scheduler dispatches and knows its hosts."""
        await listening(self.imds_port)
        await listening(self.api_port)
        await self.until(self._is_ready, seconds=20)

    async def _is_ready(self) -> bool:
        async with self.session.get(f"http://127.0.0.1:{self.ops_port}/readyz") as reply:
            return reply.status == 200

    @property
    def session(self) -> ClientSession:
        """The HTTP client of the running site."""
        if self._http is None:
            raise RuntimeError("the site does not run")
        return self._http

    # -- the scheduler's API -------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API below /api/v1 and return its JSON; fails on anything but success."""
        async with self.session.request(method, f"http://127.0.0.1:{self.api_port}/api/v1{path}", json=body) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.content_type.endswith("json") else None

    async def create_job(self, name: str, path: str, *, every: int | None = 1, **more: Any) -> None:
        """Create demo/NAME that asks `path` of the host it is placed on, each `every` seconds, or once."""
        body: Json = {
            "action": self.request_to(path),
            **({"recurrence": {"frequency": "Second", "interval": every}} if every else {}),
            **more,
        }
        await self.call("PUT", f"/collections/demo/jobs/{name}", body)

    def request_to(self, path: str, *, retries: int = 0) -> Json:
        """Return an action that asks `path` of the host it is placed on, again after a second if that fails."""
        return {
            "type": "Http",
            "request": {"method": "POST", "uri": f"http://{{host}}:{self.targets.port}{path}"},
            "retryPolicy": {"retryType": "Fixed", "retryInterval": "PT1S", "retryCount": retries},
        }

    async def job(self, name: str) -> Json:
        """Return a job."""
        found: Json = await self.call("GET", f"/collections/demo/jobs/{name}")
        return found

    async def history(self, name: str) -> list[Json]:
        """Return a job's latest history rows, newest first."""
        rows: list[Json] = (await self.call("GET", f"/collections/demo/jobs/{name}/history?$top=100"))["value"]
        return rows

    async def host(self, name: str) -> Json:
        """Return a host."""
        return next(host for host in await self._hosts() if host["host"] == name)

    async def _hosts(self) -> list[Json]:
        hosts: list[Json] = (await self.call("GET", "/hosts"))["value"]
        return hosts

    async def until_host(self, condition: Callable[[dict[str, Json]], bool], *, seconds: float = 20) -> None:
        """Wait until the hosts (by name) satisfy the condition."""

        async def holds() -> bool:
            return condition({host["host"]: host for host in await self._hosts()})

        await self.until(holds, seconds=seconds)

    async def until_condition(self, host: str, *conditions: str, seconds: float = 20) -> None:
        """Wait until a host is in one of the conditions."""
        await self.until_host(lambda hosts: hosts[host]["condition"] in conditions, seconds=seconds)

    async def event(self, event_id: str) -> Json:
        """Return an event."""
        found: Json = await self.call("GET", f"/events/{event_id}")
        return found

    async def until_event(self, event_id: str, condition: Callable[[Json], bool], *, seconds: float = 20) -> Json:
        """Wait until an event is known and satisfies the condition; return it."""
        seen: list[Json] = []

        async def holds() -> bool:
            events = (await self.call("GET", "/events"))["value"]
            seen[:] = [event for event in events if event["eventId"] == event_id]
            return bool(seen) and condition(seen[0])

        await self.until(holds, seconds=seconds)
        return seen[0]

    async def until(self, condition: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
        """Ask again until the condition (a coroutine function) holds; raises TimeoutError."""
        await until(condition, seconds=seconds)

    async def metric(self, name: str) -> float:
        """Return one sample of the scheduler's metrics, by its full name with labels."""
        return await self._sample(self.ops_port, name)

    async def watcher_metric(self, host: str, name: str) -> float:
        """Return one sample of a watcher's metrics, by its full name with labels."""
        return await self._sample(self.watcher_ops[host], name)

    async def _sample(self, ops_port: int, name: str) -> float:
        async with self.session.get(f"http://127.0.0.1:{ops_port}/metrics") as reply:
            lines = (await reply.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)

    @asynccontextmanager
    async def client(self, *subscriptions: tuple[str, Listener]) -> AsyncIterator[Bus]:
        """Give a connection of another program to the site's broker, subscribed from the start."""
        bus = Bus(self.broker.settings("leeward-reader"), client_id=f"another-program-{free_port()}")
        for topic_filter, listener in subscriptions:
            bus.subscribe(topic_filter, listener)
        task = asyncio.create_task(bus.run())
        try:
            yield bus
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until_bus(self, *, connected: bool) -> None:
        """Wait until the scheduler is connected to the broker, or is not."""

        async def holds() -> bool:
            return await self.metric("leeward_bus_connected") == float(connected)

        await self.until(holds)

    async def retained(self, *filters: str, count: int) -> list[str]:
        """Return the topics of `count` retained messages below the prefix, as a newcomer to the bus hears them."""
        heard = Listener()
        async with self.client(*((f"leeward/v1/{each}", heard) for each in filters)):
            await heard.until(lambda deliveries: len({delivery.topic for delivery in deliveries}) >= count, seconds=20)
        return sorted({delivery.topic for delivery in heard.deliveries})

    async def watcher_has_published(self, host: str, event_type: str) -> None:
        """Wait until a host's retained snapshot lists an event of that type."""
        heard = Listener()
        async with self.client((f"leeward/v1/hosts/{host}/events", heard)):
            await heard.until(lambda deliveries: any(event_type.encode() in each.payload for each in deliveries))

    async def watcher_says(self, host: str, *, poll_ok: bool) -> None:
        """Wait until a watcher's status tells how its polls go."""
        heard = Listener()
        async with self.client((f"leeward/v1/hosts/{host}/status", heard)):
            await heard.until(
                lambda deliveries: any(decode(each.payload, HostStatus).poll_ok is poll_ok for each in deliveries),
                seconds=30,
            )

    # -- the emulator --------------------------------------------------------------------------------------------------

    async def azure(self, method: str, path: str, body: object = None) -> Any:
        """Call the emulator's control API."""
        url = f"http://127.0.0.1:{self.imds_port}/control{path}"
        async with self.session.request(method, url, json=body) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.content_type.endswith("json") else None

    async def raise_event(self, kind: str, *resources: str, **more: object) -> str:
        """Raise an event, by a user and with a minute's notice unless said otherwise; return its id."""
        draft = {"type": kind, "resources": resources, "source": "User", "noticeSeconds": 60, "durationSeconds": 2}
        raised = await self.azure("POST", "/events", {**draft, **more})
        return str(raised["id"])

    async def approvals(self) -> list[Json]:
        """Return the approvals that Azure has received."""
        received: list[Json] = (await self.azure("GET", "/state"))["approvals"]
        return received


def soon(seconds: float) -> str:
    """Return an instant from now, as a start time."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
