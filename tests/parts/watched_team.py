"""Two schedulers on one PostgreSQL with watched hosts: an emulated metadata service, watchers, recording targets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from shared.bus import Bus, BusSettings
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.recorder import Hit, Recorder
from tests.parts.replicas import Replica, Team
from tests.parts.site import ADDRESSES, POOLS, Json
from tests.parts.waiting import until

HOSTS = ("db-0", "db-1")
START_SECONDS = 30
SETTINGS = {"LEEWARD_WARM_UP_SECONDS": "0"}


class WatchedTeam(Team):
    """A team whose jobs are placed on watched hosts; every question is put to every replica."""

    def __init__(self, folder: Path, database: str, broker: str, targets: Recorder, http: ClientSession) -> None:
        """Begin without any replica or watcher."""
        super().__init__(folder, database, broker, targets, http)
        self._programs = AsyncExitStack()
        self._logs = folder
        self._client = http
        self._imds = free_port()

    async def __aexit__(self, *_: object) -> None:
        """End all."""
        await super().__aexit__(*_)
        await self._programs.aclose()

    async def watch(self) -> None:
        """Start the emulated metadata service and a watcher for each host."""
        virtual_machines = (f"--vm={host}:{POOLS[host]}@{ADDRESSES[host]}" for host in HOSTS)
        listen = f"--listen=127.0.0.1:{self._imds}"
        log = self._logs / "imds.log"
        await self._run(Program("services.vmwatch.emulator", listen, "--start-delay=0.3", *virtual_machines, log=log))
        await listening(self._imds, seconds=START_SECONDS)
        for host in HOSTS:
            await self._run(self._watcher(host))

    async def _run(self, program: Program) -> None:
        await self._programs.enter_async_context(program)

    def _watcher(self, host: str) -> Program:
        settings = {
            "LEEWARD_MQTT_URL": self.broker,
            "LEEWARD_IMDS_URL": f"http://127.0.0.1:{self._imds}/vm/{host}",
            "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "LEEWARD_POLL_SECONDS": "0.25",
        }
        return Program("services.vmwatch", log=self._logs / f"{host}.log", settings=settings)

    def job(self, path: str, *, every: int | None = 1, **more: object) -> dict[str, Any]:
        """Return a job that asks `path` of the host it is placed on."""
        body = super().job(path, every=every, **more)
        body["action"]["request"]["uri"] = f"http://{{host}}:{self.targets.port}{path}"
        return body

    async def until_it_runs(self, path: str) -> Hit:
        """Wait for the next request for a path."""
        return await self.targets.until_hit(path, after=len(self.targets.hits))

    async def history(self, name: str) -> list[Json]:
        """Return a job's latest history rows, newest first."""
        path = f"/collections/demo/jobs/{name}/history?$top=100"
        rows: list[Json] = (await self.call(self.replicas[-1], "GET", path))["value"]
        return rows

    async def fates(self, name: str) -> dict[str, list[str]]:
        """Return the statuses of each occurrence that was held, the first one first."""
        found: dict[str, list[str]] = {}
        for row in reversed(await self.history(name)):
            found.setdefault(row["occurrenceId"], []).append(row["status"])
        return {occurrence: statuses for occurrence, statuses in found.items() if "Postponed" in statuses}

    async def until_held(self, name: str, count: int = 1) -> None:
        """Wait until so many occurrences of a job have been held."""

        async def are_held() -> bool:
            return len(await self.fates(name)) >= count

        await until(are_held)

    async def until_ended(self, name: str) -> dict[str, list[str]]:
        """Wait until each occurrence of a job that was held has come to an end, and return all fates."""

        async def have_ended() -> bool:
            return all(statuses[-1] != "Postponed" for statuses in (await self.fates(name)).values())

        await until(have_ended)
        return await self.fates(name)

    async def until_hosts(self, condition: Callable[[dict[str, Json]], bool]) -> None:
        """Wait until the hosts (by name) satisfy the condition on every replica."""

        async def holds() -> bool:
            views = [(await self.call(replica, "GET", "/hosts"))["value"] for replica in self.replicas]
            hosts = [{host["host"]: host for host in view} for view in views]
            return all(len(each) == len(HOSTS) and condition(each) for each in hosts)

        await until(holds)

    async def until_threatened(self, host: str, *events: str) -> None:
        """Wait until exactly these events threaten a host, on every replica."""
        await self.until_hosts(lambda hosts: set(hosts[host]["events"]) == set(events))

    async def event(self, event_id: str) -> Json:
        """Return an event, as the replica that started last knows it."""
        found: Json = await self.call(self.replicas[-1], "GET", f"/events/{event_id}")
        return found

    async def until_outcome(self, event_id: str, outcome: str) -> Json:
        """Wait until an event has come to an end, and return it."""

        async def has_ended() -> bool:
            return bool((await self.event(event_id))["outcome"] == outcome)

        await until(has_ended)
        return await self.event(event_id)

    async def azure(self, method: str, path: str, body: object = None) -> Any:
        """Call the emulator's control API."""
        url = f"http://127.0.0.1:{self._imds}/control{path}"
        async with self._client.request(method, url, json=body) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.content_type.endswith("json") else None

    async def until_published(self, host: str, event_id: str) -> None:
        """Wait until a host's watcher has published an event, whether any scheduler lives or not."""
        heard = Listener()
        bus = Bus(BusSettings(url=self.broker), client_id=f"another-program-{free_port()}")
        bus.subscribe(f"leeward/v1/hosts/{host}/events", heard)
        running = asyncio.create_task(bus.run())
        try:
            await heard.until(lambda deliveries: any(event_id.encode() in each.payload for each in deliveries))
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def raise_event(self, *hosts: str, kind: str = "Reboot", **more: object) -> str:
        """Raise an event by the platform, far ahead unless said otherwise; return its id."""
        draft = {"type": kind, "resources": hosts, "source": "Platform", "noticeSeconds": 600, "durationSeconds": 1}
        return str((await self.azure("POST", "/events", {**draft, **more}))["id"])


@asynccontextmanager
async def watched_team(folder: Path, database: str, **settings: str) -> AsyncIterator[WatchedTeam]:
    """Give two replicas that know two calm hosts."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        targets = await stack.enter_async_context(Recorder(*(ADDRESSES[host] for host in HOSTS)))
        http = await stack.enter_async_context(ClientSession())
        team = WatchedTeam(folder, database, broker.url, targets, http)
        await stack.enter_async_context(team)
        await team.watch()
        for name in ("one", "two"):
            await team.start(name, environment={**SETTINGS, **settings})
        await all_listen(team)
        await team.until_hosts(lambda hosts: all(host["condition"] == "available" for host in hosts.values()))
        yield team


async def restart(team: WatchedTeam, replicas: list[Replica]) -> None:
    """Start replicas again that were killed."""
    for replica in replicas:
        await replica.program.start()
    await all_listen(team)


async def all_listen(team: Team) -> None:
    """Wait until all dispatch; so many programs at once take their time to start."""
    for replica in team.replicas:
        await listening(replica.ops_port, seconds=START_SECONDS)
    await team.ready()
