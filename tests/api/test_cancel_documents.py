"""`maintenance.cancel` in documents: the same as any call, with its secrets kept as well."""

from typing import Any

import pytest

from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.secret_fields import CANCEL, secrets_of
from tests.parts.every_action import ACTIONS, BASIC, CERTIFICATE, OAUTH, SECRET_FIELDS, SECRETS, http
from tests.parts.fakes_api import Api

JOB = "/collections/demo/jobs/hello"
KINDS = [*ACTIONS]
Json = dict[str, Any]


@pytest.fixture(autouse=True)
async def demo(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})


def told(cancel: Json | None, **rules: Any) -> Json:
    return {"action": http(), "placement": {"pool": "db"}, "maintenance": {**rules, "cancel": cancel}}


async def opened(api: Api) -> dict[str, str]:
    """Return each secret of the job by its field, as a call would open it."""
    services = api.services
    [collection] = await services.store.list_collections(services.subscription, services.resource_group, top=9, skip=0)
    job = await services.store.get_job(collection.id, "hello")
    return {
        held.field: services.secrets.open(held.secret, place_of(collection.id, job.name, held.field, held.call))
        for held in secrets_of(job.definition.action)
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancel_request_of_any_kind_is_shown_as_it_was_given_without_its_secrets(api: Api, kind: str) -> None:
    reply = await api.call("PUT", JOB, told(ACTIONS[kind], atDeadline="Move"))
    assert reply.status == 201, reply.document
    shown = (await api.call("GET", JOB)).document["maintenance"]
    assert shown["atDeadline"] == "Move"
    assert shown["cancel"]["type"] == ACTIONS[kind]["type"]
    assert set(shown["cancel"]) == set(ACTIONS[kind])
    assert not [secret for secret in SECRETS if secret in str(reply.document) or secret in str(shown)]
    assert {*await opened(api)} == {f"{CANCEL}.{field}" for field in SECRET_FIELDS[kind]}


async def test_a_job_may_have_a_cancel_request_and_no_policy_of_its_own(api: Api) -> None:
    assert (await api.call("PUT", JOB, told(http()))).status == 201
    assert (await api.call("GET", JOB)).document["maintenance"].keys() == {"cancel"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_patch_of_something_else_keeps_its_secrets(api: Api, kind: str) -> None:
    await api.call("PUT", JOB, told(ACTIONS[kind]))
    before = await opened(api)
    for patch in ({"tags": {"a": "b"}}, {"maintenance": {"inFlight": "Cancel"}}, {"action": {"type": "Https"}}):
        assert (await api.call("PATCH", JOB, patch)).status == 200
    assert await opened(api) == before
    assert len(before) == len(SECRET_FIELDS[kind])


async def test_a_patch_to_another_kind_leaves_nothing_of_the_first_one(api: Api) -> None:
    await api.call("PUT", JOB, told(ACTIONS["storage queue"]))
    reply = await api.call("PATCH", JOB, {"maintenance": {"cancel": http(BASIC)}})
    assert reply.status == 200, reply.document
    assert "queueMessage" not in reply.document["maintenance"]["cancel"]
    assert {*await opened(api)} == {f"{CANCEL}.request.authentication.password"}


async def test_a_patch_takes_it_away(api: Api) -> None:
    await api.call("PUT", JOB, told(http(BASIC), strategy="Hold"))
    reply = await api.call("PATCH", JOB, {"maintenance": {"cancel": None}})
    assert "cancel" not in reply.document["maintenance"]
    assert await opened(api) == {}


async def test_its_secrets_are_shown_to_nobody_else(api: Api) -> None:
    await api.call("PUT", JOB, told(http(OAUTH)))
    reply = await api.call("PATCH", JOB, {"maintenance": {"cancel": {"request": {"uri": "https://evil.test/"}}}})
    assert (reply.status, reply.document["field"]) == (400, f"{CANCEL}.request.authentication.secret")
    assert "was given for https://api.test" in reply.document["detail"]


async def test_a_put_has_to_give_every_secret(api: Api) -> None:
    await api.call("PUT", JOB, told(http(CERTIFICATE)))
    shown = (await api.call("GET", JOB)).document
    reply = await api.call("PUT", JOB, shown)
    assert (reply.status, reply.document["field"]) == (400, f"{CANCEL}.request.authentication.pfx")


@pytest.mark.parametrize(
    ("cancel", "field", "words"),
    [
        ({}, f"{CANCEL}.request", "is required"),
        ({"request": {"uri": "ftp://x.test/"}}, f"{CANCEL}.request.uri", "must begin with"),
        ({"request": {"uri": "http://x.test/"}, "retryPolicy": {}}, f"{CANCEL}.retryPolicy", "unknown field"),
        ({"type": "Mqtt", "mqttMessage": {"topic": "a/#", "payload": ""}}, f"{CANCEL}.mqttMessage.topic", "wildcard"),
        (http(headers={"Metadata": "true"}), f"{CANCEL}.request.headers.Metadata", "may not be set"),
    ],
)
async def test_what_is_wrong_with_it_is_named_by_its_path(api: Api, cancel: Json, field: str, words: str) -> None:
    reply = await api.call("PUT", JOB, told(cancel))
    assert (reply.status, reply.document["field"]) == (400, field), reply.document
    assert words in reply.document["detail"]


async def test_it_may_name_the_host_only_in_a_job_that_is_placed(api: Api) -> None:
    body = told(http(uri="https://{host}/stop"))
    assert (await api.call("PUT", JOB, body)).status == 201
    reply = await api.call("PUT", JOB, {**body, "placement": None})
    assert (reply.status, reply.document["field"]) == (400, f"{CANCEL}.request.uri")


async def test_a_plan_without_authentication_has_none_for_it_either(api: Api) -> None:
    await api.call("PUT", "/collections/free", {"sku": {"name": "Free"}})
    job = "/collections/free/jobs/hello"
    assert (await api.call("PUT", job, told(http(BASIC)))).status == 409
    assert (await api.call("PUT", job, told(http()))).status == 201
    assert (await api.call("PATCH", job, {"maintenance": {"cancel": http(BASIC)}})).status == 409


async def test_a_collection_has_no_cancel_request(api: Api) -> None:
    reply = await api.call("PUT", "/collections/demo", {"maintenance": {"cancel": http()}})
    assert (reply.status, reply.document["field"]) == (400, "maintenance.cancel")
