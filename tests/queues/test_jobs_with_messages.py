"""Jobs whose actions and error actions are messages, through dispatch and store: attempts, retries, history."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.actions.amqp.pool import AmqpPool
from services.scheduler.dispatch.actions.callers import Callers
from services.scheduler.dispatch.actions.mqtt import MqttCaller
from services.scheduler.dispatch.actions.service_bus import ServiceBusCaller
from services.scheduler.dispatch.actions.storage_queue import StorageQueueCaller
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.domain.actions import (
    Action,
    ActionKind,
    BusTransport,
    Call,
    ErrorAction,
    MqttCall,
    RetryPolicy,
    ServiceBusCall,
    StorageQueueCall,
)
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.endpoints import Endpoint
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.secrets import EnvironmentSecret
from shared.bus import BusSettings, Publisher
from shared.clock import SystemClock
from shared.topics import Topics
from tests.parts.azurite import ACCOUNT, Azurite
from tests.parts.certificates import Authority
from tests.parts.dispatching import NAMESPACE, Dispatching, dispatching
from tests.parts.mosquitto import Mosquitto
from tests.parts.rabbitmq import PASSWORD, USER, RabbitMQ
from tests.parts.secrets import PlainKeeper
from tests.parts.service_bus import KEY, KEY_NAME, Namespace, namespace
from tests.parts.speaking import ANYWHERE, posts

TWICE = RetryPolicy(interval=timedelta(0), count=1)
NOWHERE = "amqps://127.0.0.1:1"


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that messages go to."""

    azurite: Azurite
    rabbitmq: RabbitMQ
    mosquitto: Mosquitto
    bus: Namespace
    trust: Trust

    def callers(self, *, away: bool = False) -> Callers:
        """Return the callers as `app` puts them together; with `away` everything is where nobody listens."""
        keeper, clock = PlainKeeper(environment=self._secrets()), SystemClock()
        https = "https://127.0.0.1:1"
        queues = Endpoint.read(https if away else self.azurite.endpoint, "account", ("https", "http"))
        amqps = Endpoint.read(NOWHERE if away else self.rabbitmq.endpoint, "namespace", ("amqps",))
        publisher = Publisher(BusSettings(url="mqtt://127.0.0.1:1" if away else self.mosquitto.url), client_id="jobs")
        service_bus = ServiceBusCaller(
            posts(trust=self.trust),
            AmqpPool(ANYWHERE, amqps, self.trust.context(), clock, container="leeward-test"),
            https=Endpoint.read(https if away else self.bus.endpoint, "namespace", ("https",)),
            amqps=amqps,
            keeper=keeper,
            clock=clock,
        )
        return Callers(
            {
                StorageQueueCall: StorageQueueCaller(posts(), queues, keeper),
                ServiceBusCall: service_bus,
                MqttCall: MqttCaller(publisher, Topics()),
            }
        )

    def _secrets(self) -> dict[str, str]:
        return {"sas": self.azurite.sas(), "key": KEY, "amqp": PASSWORD}


@pytest.fixture
async def servers(
    azurite: Azurite, rabbitmq: RabbitMQ, mosquitto: Mosquitto, authority: Authority, tmp_path: Path
) -> AsyncIterator[Servers]:
    """All of them, each with a queue `orders`."""
    await rabbitmq.declare("orders")
    async with AsyncExitStack() as stack:
        queue = stack.enter_context(azurite.client()).create_queue("orders")
        stack.callback(queue.delete_queue)
        bus = await stack.enter_async_context(namespace(authority))
        yield Servers(
            azurite=azurite, rabbitmq=rabbitmq, mosquitto=mosquitto, bus=bus, trust=Trust(authority.file(tmp_path))
        )


def secret(name: str) -> EnvironmentSecret:
    """Refer to one of the servers' secrets."""
    return EnvironmentSecret(name=name, scope=Scope(NAMESPACE, "demo"))


BUS = ServiceBusCall(
    kind=ActionKind.SERVICE_BUS_QUEUE,
    namespace="space1",
    entity="orders",
    key_name=KEY_NAME,
    key=secret("key"),
    message="hello",
)
AMQP = replace(
    BUS, entity="/amq/queue/orders", transport=BusTransport.AMQP, key_name=USER, key=secret("amqp"), custom={"a": "b"}
)
QUEUE = StorageQueueCall(account=ACCOUNT, queue="orders", sas=secret("sas"), message="hello")
MQTT = MqttCall(topic="plant/1", payload="hello")

KINDS: dict[str, tuple[Call, Call, str]] = {
    "storage queue": (QUEUE, replace(QUEUE, queue="nowhere"), "does not exist"),
    "service bus": (BUS, replace(BUS, entity="nowhere"), "could not be found"),
    "amqp": (AMQP, replace(AMQP, entity="/exchange/nowhere/x"), "amqp:not-found"),
    "mqtt": (MQTT, replace(MQTT, topic="leeward/v1/hosts/db-0/events"), "Leeward's own"),
}
"""Of each kind a call that succeeds, one that cannot, and why not."""


def job(main: Call, error: Call | None = None) -> JobDefinition:
    """Return a job that tries everything twice."""
    error_action = None if error is None else ErrorAction(call=error, retry_policy=TWICE)
    return JobDefinition(action=Action(call=main, retry_policy=TWICE, error_action=error_action))


async def ran(work: Dispatching, what: JobDefinition, rows: int) -> list[tuple[str, str, str]]:
    """Run a job and return action, status and message of its history rows."""
    await work.add(what)
    return [(row.action_name, row.status, row.message) for row in await work.until_rows(rows)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_final_failure_leads_to_the_error_action_at_once(servers: Servers, kind: str) -> None:
    good, bad, why = KINDS[kind]
    async with servers.callers() as callers, dispatching(caller=callers) as work:
        main, error = await ran(work, job(bad, good), 2)
        assert (main[:2], error[:2]) == (("MainAction", "Failed"), ("ErrorAction", "Completed"))
        assert why in main[2]
        assert error[2].endswith(" succeeded.")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_target_that_is_away_is_tried_as_often_as_the_job_says(servers: Servers, kind: str) -> None:
    good, _, _ = KINDS[kind]
    async with servers.callers(away=True) as callers, dispatching(caller=callers) as work:
        rows = await ran(work, job(good), 2)
    assert [row[:2] for row in rows] == [("MainAction", "Failed")] * 2
    assert all(" failed: " in message for _, _, message in rows)


async def test_each_account_namespace_and_broker_has_a_lane_of_its_own(servers: Servers) -> None:
    calls = (QUEUE, replace(QUEUE, account="account2"), BUS, AMQP, MQTT, replace(MQTT, topic="other"))
    async with servers.callers() as callers:
        targets = [callers.target(call, None) for call in calls]
    assert targets == [
        f"http://127.0.0.1:{servers.azurite.port}/{ACCOUNT}",
        f"http://127.0.0.1:{servers.azurite.port}/account2",
        servers.bus.endpoint,
        servers.rabbitmq.endpoint,
        f"mqtt://127.0.0.1:{servers.mosquitto.port}",
        f"mqtt://127.0.0.1:{servers.mosquitto.port}",
    ]
