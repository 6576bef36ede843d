"""An action that cannot work is refused by field, with what to change, and changes nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.parts.arm import Arm
from tests.parts.every_action import ACTIONS, BASIC, BUS, CERTIFICATE, MQTT, OAUTH, QUEUE, SECRETS, http
from tests.parts.fakes_api import Api
from tests.parts.pfx import a_pfx

JOB = "/collections/demo/jobs/hello"
REQUEST, PROOF = "action.request", "action.request.authentication"
QUEUED, BUS_QUEUE, PUBLISHED = "action.queueMessage", "action.serviceBusQueueMessage", "action.mqttMessage"
BROKERED = f"{BUS_QUEUE}.brokeredMessageProperties"
LAST_YEAR = datetime(2025, 1, 31, 12, 0, tzinfo=UTC)


def proof(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return http({**base, **changes})


def queue(**changes: Any) -> dict[str, Any]:
    return {"type": "StorageQueue", "queueMessage": {**QUEUE, **changes}}


def bus(**changes: Any) -> dict[str, Any]:
    return {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**BUS, "queueName": "orders", **changes}}


def brokered(**properties: Any) -> dict[str, Any]:
    return bus(brokeredMessageProperties=properties)


def topic(**changes: Any) -> dict[str, Any]:
    return {"type": "Mqtt", "mqttMessage": {**MQTT, **changes}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "StorageQueue"}, QUEUED, "required"),
    ({**ACTIONS["basic"], "queueMessage": QUEUE}, QUEUED, "goes with type StorageQueue, not Https"),
    ({"request": {"uri": "http://a/"}, "queueMessage": QUEUE}, "action.type", "beside queueMessage and request"),
    ({**ACTIONS["mqtt"], "mqttMesage": {}}, "action.mqttMesage", "did you mean 'mqttMessage'?"),
    ({**ACTIONS["mqtt"], "errorAction": {"type": "StorageQueue"}}, "action.errorAction.queueMessage", "required"),
    (proof({}, username="me"), f"{PROOF}.type", "Basic, ClientCertificate, ActiveDirectoryOAuth"),
    (proof({}, type="Digest"), f"{PROOF}.type", "none of NotSpecified, Basic"),
    (proof({}, type="Basic", passwrd="x"), f"{PROOF}.passwrd", "did you mean 'password'?"),
    (proof({}, type="Basic", username="me"), f"{PROOF}.password", "required"),
    (proof(BASIC, username=None), f"{PROOF}.username", "required"),
    (proof(BASIC, username="a:b"), f"{PROOF}.username", "colon"),
    (proof(BASIC, password=""), f"{PROOF}.password", "empty"),
    (proof(BASIC, password="a\nb"), f"{PROOF}.password", "line breaks"),
    (proof(BASIC, password=5), f"{PROOF}.password", "expected a string"),
    (proof(BASIC, clientId="x"), f"{PROOF}.clientId", "does not go with type Basic"),
    (proof(BASIC, type="NotSpecified"), f"{PROOF}.username", "does not go with type NotSpecified"),
    (proof(BASIC, password="secretref:disk:x"), f"{PROOF}.password", "secretref:file:NAME"),
    (proof(CERTIFICATE, pfx=None), f"{PROOF}.pfx", "required"),
    (proof(CERTIFICATE, pfx="?"), f"{PROOF}.pfx", "not base64"),
    (proof(CERTIFICATE, password="wrong"), f"{PROOF}.pfx", "password is wrong"),
    (proof(CERTIFICATE, pfx=a_pfx("x", LAST_YEAR), password="x"), f"{PROOF}.pfx", "expired at 2025-01-31T12:00:00Z"),
    (proof(OAUTH, secret=None), f"{PROOF}.secret", "required"),
    (proof(OAUTH, tenant=None), f"{PROOF}.tenant", "required"),
    (proof(OAUTH, tenant="a/../b"), f"{PROOF}.tenant", "no tenant"),
    (proof(OAUTH, audience=""), f"{PROOF}.audience", "1 to"),
    (proof(OAUTH, clientId=None), f"{PROOF}.clientId", "required"),
    (http(BASIC, uri="http://api.test/"), f"{REQUEST}.uri", "in clear"),
    (http(OAUTH, uri="http://{host}/"), f"{REQUEST}.uri", "needs a placement"),
    (http(CERTIFICATE, uri="http://127.0.0.1/"), f"{REQUEST}.uri", "https://"),
    (http(BASIC, headers={"authorization": "x"}), f"{REQUEST}.headers.authorization", "authentication sets"),
    (http(webhookSecret="secret"), f"{REQUEST}.webhookSecret", "must begin with whsec_"),
    (http(webhookSecret="whsec_QUJD"), f"{REQUEST}.webhookSecret", "use 24 to 64"),
    (queue(storageAccount="evil.test/"), f"{QUEUED}.storageAccount", "lower-case letters and digits"),
    (queue(storageAccount="Account1"), f"{QUEUED}.storageAccount", "lower-case"),
    (queue(storageAccount="ab"), f"{QUEUED}.storageAccount", "3 to 24"),
    (queue(queueName="a--b"), f"{QUEUED}.queueName", "single hyphens"),
    (queue(queueName="../x"), f"{QUEUED}.queueName", "3 to 63"),
    (queue(sasToken=None), f"{QUEUED}.sasToken", "required"),
    (queue(sasToken="https://account1/?sv=1 2"), f"{QUEUED}.sasToken", "SAS token"),
    (queue(sasToken="sv=1&sp=a"), f"{QUEUED}.sasToken", "sig="),
    (queue(message=None), f"{QUEUED}.message", ""),
    (queue(message="a\x01b"), f"{QUEUED}.message", "U+0001"),
    (queue(message="x" * 16_384), "", "16384"),
    (bus(namespace="evil.test/"), f"{BUS_QUEUE}.namespace", "no namespace"),
    (bus(namespace="space1.servicebus.windows.net"), f"{BUS_QUEUE}.namespace", "its first name alone"),
    (bus(queueName="../$management"), f"{BUS_QUEUE}.queueName", "up to 260"),
    (bus(queueName="a//b"), f"{BUS_QUEUE}.queueName", "up to 260"),
    (bus(authentication=None), f"{BUS_QUEUE}.authentication.sasKeyName", "required"),
    (bus(authentication={"sasKeyName": "a&b"}), f"{BUS_QUEUE}.authentication.sasKeyName", "no name of a key"),
    (bus(authentication={"sasKeyName": "a"}), f"{BUS_QUEUE}.authentication.sasKey", "required"),
    (bus(transportType="Http"), f"{BUS_QUEUE}.transportType", "none of notSpecified, netMessaging, amqp"),
    (bus(customMessageProperties={"Authorization": "x"}), f"{BUS_QUEUE}.customMessageProperties.Authorization", "AMQP"),
    (bus(customMessageProperties={"Metadata": "x"}), f"{BUS_QUEUE}.customMessageProperties.Metadata", "AMQP"),
    (bus(customMessageProperties={"a b": "x"}), f"{BUS_QUEUE}.customMessageProperties.a b", "transportType AMQP"),
    (brokered(sessionId="a", partitionKey="b"), f"{BROKERED}.partitionKey", "must be the sessionId"),
    (brokered(messageId="x" * 129), f"{BROKERED}.messageId", "1 to 128"),
    (brokered(timeToLive="PT0S"), f"{BROKERED}.timeToLive", "longer than nothing"),
    (brokered(timeToLive="2020-01-01T00:00:00Z"), f"{BROKERED}.timeToLive", "in the past"),
    (brokered(timeToLive="soon"), f"{BROKERED}.timeToLive", "write ISO 8601"),
    (brokered(forcePersistence="yes"), f"{BROKERED}.forcePersistence", "expected bool"),
    (topic(topic="plant/#"), f"{PUBLISHED}.topic", "wildcard"),
    (topic(topic="$SYS/broker"), f"{PUBLISHED}.topic", "begins with $"),
    (topic(topic=""), f"{PUBLISHED}.topic", "1 to"),
    (topic(topic="a\nb"), f"{PUBLISHED}.topic", "line breaks"),
    (topic(topic="leeward/v1/hosts/db-0/events"), f"{PUBLISHED}.topic", "Leeward's own bus"),
    (topic(topic="leeward/v1"), f"{PUBLISHED}.topic", "Leeward's own bus"),
    (topic(topic="plant/{host}"), f"{PUBLISHED}.topic", "needs a placement"),
    (topic(responseTopic="leeward/v1/replies/x"), f"{PUBLISHED}.responseTopic", "Leeward's own bus"),
    (topic(qos=3), f"{PUBLISHED}.qos", "none of 0, 1, 2"),
    (topic(messageExpiry="PT0.5S"), f"{PUBLISHED}.messageExpiry", "at least PT1S"),
    (topic(payload=None), f"{PUBLISHED}.payload", ""),
]


@pytest.mark.parametrize(("action", "field", "advice"), REFUSED)
async def test_an_action_that_cannot_work_is_refused_by_field(
    api: Api, action: dict[str, Any], field: str, advice: str
) -> None:
    await api.call("PUT", "/collections/demo", {})
    before = await api.stored()
    reply = await api.call("PUT", JOB, {"action": action})
    assert (reply.status, reply.document.get("field") or "") == (400, field), reply.document
    assert advice in reply.document["detail"]
    assert not [secret for secret in SECRETS if secret in str(reply.document)]
    assert await api.stored() == before


async def test_a_topic_that_a_host_could_turn_into_leewards_own_is_refused(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    job = {"action": topic(topic="leeward/{hostname}/hosts"), "placement": {"pool": "db"}}
    reply = await api.call("PUT", JOB, job)
    assert (reply.status, reply.document["field"]) == (400, f"{PUBLISHED}.topic")
    reply = await api.call("PUT", JOB, {**job, "action": topic(topic="plant/{hostname}/hosts")})
    assert reply.status == 201


async def test_what_only_a_machine_itself_hears_needs_no_tls(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    for host in ("localhost:8080", "127.0.0.1", "[::1]:80"):
        assert (await api.call("PUT", JOB, {"action": http(BASIC, uri=f"http://{host}/")})).status in (200, 201)


@pytest.mark.parametrize("kind", ["basic", "certificate", "oauth"])
async def test_the_free_plan_has_no_http_authentication(api: Api, kind: str) -> None:
    await api.call("PUT", "/collections/demo", {"sku": {"name": "Free"}})
    reply = await api.call("PUT", JOB, {"action": ACTIONS[kind]})
    assert (reply.status, "authentication" in reply.document["detail"]) == (409, True)
    assert (await api.call("PUT", JOB, {"action": ACTIONS["storage queue"]})).status == 201


async def test_a_collection_with_authentication_does_not_become_free(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {"sku": {"name": "Standard"}})
    await api.call("PUT", JOB, {"action": {**ACTIONS["mqtt"], "errorAction": ACTIONS["basic"]}})
    reply = await api.call("PATCH", "/collections/demo", {"sku": {"name": "Free"}})
    assert (reply.status, "job hello: the plan has no HTTP authentication" in reply.document["detail"]) == (409, True)


async def test_arm_refuses_the_same_in_its_own_words(api: Api) -> None:
    arm = Arm(api)
    await arm.call("PUT", "/demo", {})
    reply = await arm.call("PUT", "/demo/jobs/hello", {"properties": {"action": bus(namespace="evil.test/")}})
    assert (reply.status, reply.document["error"]["target"]) == (400, f"{BUS_QUEUE}.namespace")
