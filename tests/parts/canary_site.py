"""A pair of services whose every secret is a canary, a parrot for a target, and ears everywhere."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from shared.bus import Bus, BusSettings
from shared.clock import SystemClock
from shared.keyfile import create_keys, new_key
from shared.tokens import TokenEntry, digest_of, token_of, write_token
from tests.parts.canaries import Canaries, Json, Parrot
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.waiting import until


class CanarySite:
    """The pair, at DEBUG. What replies, the stream and commands said adds up in `heard`, by where that was."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.database_url = database_url
        self.canaries = Canaries()
        self.parrot = Parrot(self.canaries.plant("granted token"))
        self.keys = folder / "secrets.keys"
        self.api, self.ops = free_port(), free_port()
        self.heard: list[tuple[str, bytes]] = []
        self.bus = Listener()
        self._token = self._write_token()
        self._imds = free_port()
        self._broker = Mosquitto(folder)
        create_keys(self.keys, new_key(SystemClock().now()))
        self._place_files()
        self.scheduler_settings = self._settings(database_url)
        self.scheduler = Program("services.scheduler", log=folder / "scheduler.log", settings=self.scheduler_settings)
        self.watcher = Program("services.vmwatch", log=folder / "vmwatch.log", settings=self._watching())
        self._emulator = Program(
            "services.vmwatch.emulator", f"--listen=127.0.0.1:{self._imds}", "--vm=db-0:db", log=folder / "imds.log"
        )

    def _write_token(self) -> str:
        token = token_of(os.urandom(32))
        self.canaries.mark("bearer token", token.encode())
        entry = TokenEntry(name="ops", role="operator", digest=digest_of(token))
        (self.folder / "tokens").write_text(write_token(entry))
        (self.folder / "tokens").chmod(0o600)
        return token

    def _place_files(self) -> None:
        folder = self.folder / "mounted" / "demo"
        folder.mkdir(parents=True)
        (folder / "password").write_text(self.canaries.plant("file"))

    @property
    def _broker_url(self) -> str:
        return self._broker.url.replace("://", f"://leeward:{self.canaries.plant('broker password')}@")

    def _settings(self, database_url: str) -> dict[str, str]:
        here = f"https://127.0.0.1:{self.parrot.tls_port}"
        return {
            "LEEWARD_MQTT_URL": self._broker_url,
            "LEEWARD_DATABASE_URL": database_url,
            "LEEWARD_LISTEN": f"127.0.0.1:{self.api}",
            "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self.ops}",
            "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8",
            "LEEWARD_TARGETS_CA": str(self.parrot.authority.file(self.folder)),
            "LEEWARD_TOKENS_FILE": str(self.folder / "tokens"),
            "LEEWARD_SECRET_KEYS_FILE": str(self.keys),
            "LEEWARD_SECRETS_DIR": str(self.folder / "mounted"),
            "LEEWARD_SECRETS_ENV": "demo/CANARY_PASSWORD",
            "LEEWARD_OAUTH_AUTHORITY": here,
            "LEEWARD_STORAGE_QUEUE_ENDPOINT": f"{here}/{{account}}",
            "LEEWARD_SERVICE_BUS_ENDPOINT": f"{here}/{{namespace}}",
            "LEEWARD_SERVICE_BUS_AMQP_ENDPOINT": f"amqp://127.0.0.1:{free_port()}",
            "LEEWARD_LOG_LEVEL": "DEBUG",
            "CANARY_PASSWORD": self.canaries.plant("variable"),
        }

    def _watching(self) -> dict[str, str]:
        return {
            "LEEWARD_MQTT_URL": self._broker_url,
            "LEEWARD_IMDS_URL": f"http://127.0.0.1:{self._imds}/vm/db-0",
            "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "LEEWARD_LOG_LEVEL": "DEBUG",
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CanarySite"]:
        """Start all parts and listen everywhere."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._broker)
            await stack.enter_async_context(self.parrot)
            await stack.enter_async_context(self._ear())
            for program in (self._emulator, self.watcher, self.scheduler):
                await stack.enter_async_context(program)
            await listening(self.api)
            self._http = await stack.enter_async_context(ClientSession(f"http://127.0.0.1:{self.api}"))
            await until(self._is_ready, seconds=20)
            stream = asyncio.create_task(self._stream(), name="stream")
            try:
                yield self
            finally:
                stream.cancel()
                await asyncio.wait([stream])

    @asynccontextmanager
    async def _ear(self) -> AsyncIterator[None]:
        bus = Bus(BusSettings(url=self._broker.url), client_id="ear")
        bus.subscribe("#", self.bus)
        task = asyncio.create_task(bus.run(), name="ear")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _is_ready(self) -> bool:
        async with self._http.get(f"http://127.0.0.1:{self.ops}/readyz") as reply:
            return reply.status == 200

    async def _stream(self) -> None:
        shown = {"Authorization": f"Bearer {self._token}"}
        with suppress(TimeoutError):
            async with self._http.get("/api/v1/stream", headers=shown, timeout=ClientTimeout(total=120)) as reply:
                async for line in reply.content:
                    self.heard.append(("stream", line))

    async def ask(self, method: str, path: str, body: object = None, *, token: str | None = None, **more: Any) -> Json:
        """Send a request, keep all of the reply, and return its JSON, or its status as `status` when there is none."""
        shown = {"Authorization": f"Bearer {token or self._token}"}
        async with self._http.request(method, path, json=body, headers=shown, allow_redirects=False, **more) as reply:
            content = await reply.read()
            self.heard.append((f"{method} {path}: {reply.status}", f"{dict(reply.headers)}\n".encode() + content))
            is_json = reply.content_type.endswith("json") and method != "HEAD"
            found: Json = {**(await reply.json() if is_json else {}), "httpStatus": reply.status}
            return found

    async def metric(self, name: str) -> float:
        """Return a sample of the scheduler's metrics."""
        async with self._http.get(f"http://127.0.0.1:{self.ops}/metrics") as reply:
            text = await reply.text()
        self.heard.append(("metrics", text.encode()))
        return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))

    def bundling(self, file: Path, *logs: Path) -> list[str]:
        """Return the words that make a bundle of everything here."""
        logged = (word for log in {*self.folder.glob("*.log"), *logs} for word in ("--log", str(log)))
        return ["bundle", str(file), "--ops", f"127.0.0.1:{self.ops}", "--overwrite", *logged]

    async def command(self, *words: str) -> str:
        """Run the client with the scheduler's settings and return what it prints."""
        client = {"LEEWARD_URL": f"http://127.0.0.1:{self.api}", "LEEWARD_TOKEN": self._token, "PYTHONPATH": "."}
        environment = {**(self.scheduler_settings if words[0] == "bundle" else {}), **client}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.client", *words),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        self.heard.append((" ".join(words), output))
        return output.decode()

    def read_logs(self) -> None:
        """Keep what all programs have said, on the bus and to their operators."""
        self.heard += [(log.name, log.read_bytes()) for log in self.folder.glob("*.log")]
        self.heard += [(f"topic {one.topic}", one.payload) for one in self.bus.deliveries]

    def betrayed(self) -> list[str]:
        """Return what gave a canary away, and which."""
        return sorted({f"{where}: {canary}" for where, what in self.heard for canary in self.canaries.heard_in(what)})
