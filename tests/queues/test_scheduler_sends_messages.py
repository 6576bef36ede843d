"""A whole scheduler: jobs of every kind of message, from PUT to history, their secrets sealed on the way."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from shared.bus import Bus, BusSettings
from tests.parts.azurite import ACCOUNT, Azurite
from tests.parts.buses import running
from tests.parts.certificates import Authority
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.rabbitmq import PASSWORD, USER, RabbitMQ
from tests.parts.service_bus import KEY, KEY_NAME, Namespace, namespace
from tests.parts.waiting import until


class Scheduler:
    """A scheduler's process, and its API."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        own = {
            "LEEWARD_DATABASE_URL": f"sqlite:///{folder}/leeward.db",
            "LEEWARD_LISTEN": f"127.0.0.1:{self.port}",
            "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8,::1/128",
        }
        self.program = Program("services.scheduler", log=folder / "scheduler.log", settings={**own, **settings})

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API below /api/v1; fails on anything but success."""
        url = f"http://127.0.0.1:{self.port}/api/v1/collections/demo{path}"
        async with ClientSession() as session, session.request(method, url, json=body) as reply:
            text = await reply.text()
            assert reply.status < 300, f"{method} {path}: {reply.status} {text}"
            return await reply.json() if text else None

    async def run_once(self, name: str, action: dict[str, Any]) -> str:
        """Create a job that runs at once; return what its history says."""
        await self.call("PUT", f"/jobs/{name}", {"action": {**action, "retryPolicy": {"retryType": "None"}}})
        await until(lambda: self._has_run(name))
        [row] = (await self.call("GET", f"/jobs/{name}/history"))["value"]
        return f"{row['status']}: {row['message']}"

    async def _has_run(self, name: str) -> bool:
        return bool((await self.call("GET", f"/jobs/{name}/history"))["value"])


@pytest.fixture
async def bus(authority: Authority) -> AsyncIterator[Namespace]:
    """A namespace of Service Bus, over HTTPS."""
    async with namespace(authority) as running:
        yield running


@pytest.fixture
async def scheduler(
    azurite: Azurite, rabbitmq: RabbitMQ, mosquitto: Mosquitto, bus: Namespace, authority: Authority, tmp_path: Path
) -> AsyncIterator[Scheduler]:
    """A scheduler that finds all of them."""
    settings = {
        "LEEWARD_MQTT_URL": mosquitto.url,
        "LEEWARD_TARGETS_CA": str(authority.file(tmp_path)),
        "LEEWARD_STORAGE_QUEUE_ENDPOINT": azurite.endpoint,
        "LEEWARD_SERVICE_BUS_ENDPOINT": bus.endpoint,
        "LEEWARD_SERVICE_BUS_AMQP_ENDPOINT": rabbitmq.endpoint,
    }
    made = Scheduler(tmp_path, settings)
    async with made.program:
        await listening(made.port, seconds=30)
        await made.call("PUT", "", {})
        yield made


def to_bus(transport: str, queue: str, key_name: str, key: str) -> dict[str, Any]:
    """Return an action that sends to a queue of Service Bus."""
    message = {
        "namespace": "space1",
        "queueName": queue,
        "transportType": transport,
        "authentication": {"type": "SharedAccessKey", "sasKeyName": key_name, "sasKey": key},
        "message": "hello",
    }
    return {"type": "ServiceBusQueue", "serviceBusQueueMessage": message}


async def test_jobs_send_messages_of_every_kind(
    scheduler: Scheduler, azurite: Azurite, rabbitmq: RabbitMQ, mosquitto: Mosquitto, bus: Namespace
) -> None:
    heard, reader = Listener(), Bus(BusSettings(url=mosquitto.url), client_id="reader")
    reader.subscribe("plant/#", heard)
    await rabbitmq.declare("passing", durable=False)
    sas = azurite.sas()
    message = {"storageAccount": ACCOUNT, "queueName": "orders", "sasToken": sas, "message": "hello"}
    async with AsyncExitStack() as stack:
        queue = stack.enter_context(azurite.client()).create_queue("orders")
        stack.callback(queue.delete_queue)
        await stack.enter_async_context(running(reader))
        said = [
            await scheduler.run_once("queue", {"type": "StorageQueue", "queueMessage": message}),
            await scheduler.run_once("https", to_bus("NetMessaging", "orders", KEY_NAME, KEY)),
            await scheduler.run_once("amqp", to_bus("AMQP", "passing", USER, PASSWORD)),
            await scheduler.run_once("mqtt", {"type": "Mqtt", "mqttMessage": {"topic": "plant/1", "payload": "hello"}}),
        ]
        assert [line.partition(":")[0] for line in said] == ["Completed"] * 4, said
        assert [each.content for each in queue.receive_messages()] == ["hello"]
        assert [each.body for each in bus.taken] == ["hello"]
        assert [each["payload"] for each in await rabbitmq.take("passing")] == ["hello"]
        await heard.until_payload(b"hello")
    told = scheduler.program.said + "".join(said)
    assert [secret for secret in (sas, KEY, PASSWORD) if secret in told] == []
