"""A real RabbitMQ that speaks AMQP 1.0 over TLS, and its management API to read what arrived."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession, encode_basic_auth

from tests.parts.certificates import Authority
from tests.parts.ports import free_port, listening
from tests.parts.waiting import until

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER, PASSWORD = "RootManageSharedAccessKey", "c2VjcmV0/+key="
HOST = "localhost"
PLUGINS = "[rabbitmq_amqp1_0,rabbitmq_management]."
CONFIGURATION = """
listeners.tcp = none
listeners.ssl.default = 127.0.0.1:{amqps}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_user = {user}
default_pass = {password}
default_user_tags.administrator = true
loopback_users = none
heartbeat = 0
log.file.level = warning
max_message_size = {limit}
"""
MESSAGE_LIMIT = 200_000


class RabbitMQ:
    """One broker, with an Erlang port mapper of its own."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        """Prepare to run in a folder, certified by `authority`."""
        self.folder = folder
        self.authority = authority
        self.port, self.management, self.mapper = free_port(), free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self._configure()
        self._run("epmd", "-address", "127.0.0.1", "-port", str(self.mapper))
        self._run(str(PROGRAM), **self._environment())
        await listening(self.port, seconds=60)
        await until(self._answers, seconds=60)

    def end(self) -> None:
        """End it and its port mapper."""
        # Each leads a group of its own: Erlang starts helpers, and a start script may stand between.
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    @property
    def endpoint(self) -> str:
        """Return its address as a template; every namespace is the same broker."""
        return f"amqps://{HOST}:{self.port}"

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Call the management API and return its JSON; fails on anything but success."""
        url = f"http://127.0.0.1:{self.management}/api{path}"
        headers = {"Authorization": encode_basic_auth(USER, PASSWORD)}
        async with ClientSession(headers=headers) as session, session.request(method, url, json=body) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.content_type == "application/json" else None

    async def declare(self, queue: str, *, durable: bool = True) -> None:
        """Make a queue. AMQP 1.0 finds it as `/amq/queue/NAME`, and by its plain name if it is not durable."""
        await self.ask("PUT", f"/queues/%2F/{quote(queue)}", {"durable": durable})

    async def take(self, queue: str) -> list[dict[str, Any]]:
        """Return up to ten messages of a queue, and remove them: `payload`, `properties` with `headers`."""
        body = {"count": 10, "ackmode": "ack_requeue_false", "encoding": "auto"}
        found: list[dict[str, Any]] = await self.ask("POST", f"/queues/%2F/{quote(queue)}/get", body)
        return found

    async def connections(self) -> list[dict[str, Any]]:
        """Return the client connections that it knows of."""
        found: list[dict[str, Any]] = await self.ask("GET", "/connections")
        return found

    async def cut(self) -> None:
        """Hang up on every client."""
        for connection in await self.connections():
            await self.ask("DELETE", f"/connections/{quote(connection['name'], safe='')}")

    async def _answers(self) -> bool:
        try:
            await self.ask("GET", "/overview")
        except (OSError, AssertionError):
            return False
        return True

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        certificate, key = self.authority.certify(HOST).files(self.folder, "rabbitmq")
        text = CONFIGURATION.format(
            amqps=self.port,
            management=self.management,
            ca=self.authority.file(self.folder),
            certificate=certificate,
            key=key,
            user=USER,
            password=PASSWORD,
            limit=MESSAGE_LIMIT,
        )
        (self.folder / "rabbitmq.conf").write_text(text)
        (self.folder / "plugins").write_text(PLUGINS)

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.mapper),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": f"leeward{self.port}@{HOST}",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false +S 1:1 +sbwt none",
        }

    def _run(self, *command: str, **environment: str) -> None:
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._processes.append(process)
