"""Secrets come in, are kept for whom they were given, and never come out."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.secret_fields import secrets_of
from tests.parts.api_work import turn
from tests.parts.arm import Arm
from tests.parts.every_action import ACTIONS, BASIC, CERTIFICATE, OAUTH, SECRET_FIELDS, SECRETS, SIGNING, http
from tests.parts.fakes_api import Api, every
from tests.parts.pfx import a_pfx

JOB = "/collections/demo/jobs/Hello"
PROOF = "action.request.authentication"
KINDS = [*ACTIONS]
Json = dict[str, Any]


@pytest.fixture(autouse=True)
async def demo(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})


async def opened(api: Api, name: str = "Hello") -> dict[str, str]:
    """Return each secret of a job by its field, as a call would open it."""
    services = api.services
    namespace = (services.subscription, services.resource_group)
    [collection] = await services.store.list_collections(*namespace, top=10, skip=0)
    job = await services.store.get_job(collection.id, name)
    return {
        held.field: services.secrets.open(held.secret, place_of(collection.id, job.name, held.field, held.call))
        for held in secrets_of(job.definition.action)
    }


async def put(api: Api, action: Json, **more: Any) -> None:
    assert (await api.call("PUT", JOB, {"action": action, **more})).status in (200, 201)


async def patched(api: Api, request: Json | None = None, **more: Any) -> None:
    reply = await api.call("PATCH", JOB, {"action": {"request": request}, **more} if request else more)
    assert reply.status == 200, reply.document


async def refused(api: Api, field: str, words: str, request: Json | None = None, **more: Any) -> None:
    before = await opened(api)
    reply = await api.call("PATCH", JOB, {"action": {"request": request}, **more} if request else more)
    assert (reply.status, reply.document.get("field")) == (400, field), reply.document
    assert words in reply.document["detail"]
    assert await opened(api) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_a_patch_of_something_else_keeps_every_secret(api: Api, kind: str) -> None:
    await put(api, {**ACTIONS[kind], "errorAction": ACTIONS[kind]})
    before = await opened(api)
    await patched(api, tags={"a": "b"}, recurrence=every(5))
    await patched(api, action={"retryPolicy": {"retryCount": 2}, "errorAction": {"retryPolicy": {"retryCount": 1}}})
    assert await opened(api) == before
    assert len(before) == 2 * len(SECRET_FIELDS[kind])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if SECRET_FIELDS[kind] and kind != "signed"])
async def test_a_put_has_to_give_every_secret(api: Api, kind: str) -> None:
    await put(api, ACTIONS[kind])
    shown = (await api.call("GET", JOB)).document
    reply = await api.call("PUT", JOB, shown)
    assert (reply.status, reply.document["field"]) == (400, f"action.{SECRET_FIELDS[kind][0]}")
    assert "is required" in reply.document["detail"]


async def test_a_secret_belongs_to_the_job_whatever_the_case_of_its_name(api: Api) -> None:
    await put(api, ACTIONS["basic"])
    assert (await api.call("PUT", "/collections/demo/jobs/HELLO", {"action": ACTIONS["basic"]})).status == 200
    assert await opened(api) == {f"{PROOF}.password": BASIC["password"]}


async def test_a_path_may_change_and_whom_a_secret_is_shown_to_may_not(api: Api) -> None:
    await put(api, ACTIONS["basic"])
    await patched(api, {"uri": "https://API.test:443/other?x=1", "method": "GET"})
    await refused(api, f"{PROOF}.password", "was given for https://api.test", {"uri": "https://evil.test/tick"})
    await refused(api, f"{PROOF}.password", "give it again", {"uri": "https://api.test:8443/tick"})
    again = {"uri": "https://other.test/", "authentication": {"password": "new"}}
    await patched(api, again)
    assert await opened(api) == {f"{PROOF}.password": "new"}


async def test_a_token_is_for_its_client_and_audience(api: Api) -> None:
    await put(api, ACTIONS["oauth"])
    for change in ({"tenant": "evil.test"}, {"audience": "https://evil.test/"}, {"clientId": "other"}):
        await refused(api, f"{PROOF}.secret", "was given for", {"authentication": change})
    await patched(api, {"authentication": {"audience": "https://new.test/", "secret": "new"}})
    assert await opened(api) == {f"{PROOF}.secret": "new"}


@pytest.mark.parametrize(
    ("kind", "message", "change", "field"),
    [
        ("storage queue", "queueMessage", {"storageAccount": "another"}, "sasToken"),
        ("bus queue", "serviceBusQueueMessage", {"namespace": "other"}, "authentication.sasKey"),
        ("bus topic", "serviceBusTopicMessage", {"namespace": "other"}, "authentication.sasKey"),
    ],
)
async def test_a_key_is_for_its_account(api: Api, kind: str, message: str, change: Json, field: str) -> None:
    await put(api, ACTIONS[kind])
    before = await opened(api)
    await refused(api, f"action.{message}.{field}", "was given for", action={message: change})
    await patched(api, action={message: {"message": "another"}})
    assert await opened(api) == before


async def test_hosts_that_a_secret_goes_to_do_not_change_with_the_placement(api: Api) -> None:
    await put(api, http(BASIC, uri="https://{host}/"), placement={"pool": "db"})
    await refused(api, f"{PROOF}.password", "another placement", placement={"pool": "mine"})
    await patched(api, placement={"pool": "db"}, timeout="PT30S")
    await patched(api, {"authentication": {"password": "new"}}, placement={"pool": "mine"})
    assert await opened(api) == {f"{PROOF}.password": "new"}


async def test_another_type_of_authentication_starts_from_nothing(api: Api) -> None:
    await put(api, ACTIONS["basic"])
    no_pfx = {"authentication": {"type": "ClientCertificate", "pfx": a_pfx(None)}}
    await patched(api, no_pfx)
    assert [*await opened(api)] == [f"{PROOF}.pfx"]
    await refused(api, f"{PROOF}.username", "is required", {"authentication": {"type": "Basic"}})
    await patched(api, {"authentication": OAUTH})
    shown = (await api.call("GET", JOB)).document["action"]["request"]["authentication"]
    assert sorted(shown) == ["audience", "clientId", "tenant", "type"]


async def test_null_removes_authentication_and_signature(api: Api) -> None:
    await put(api, http(BASIC, webhookSecret=SIGNING))
    assert (await api.call("GET", JOB)).document["action"]["request"]["webhookSigned"]
    await patched(api, {"authentication": None})
    assert await opened(api) == {"action.request.webhookSecret": SIGNING}
    await patched(api, {"webhookSecret": None})
    assert await opened(api) == {}
    assert (await api.call("GET", JOB)).document["action"]["request"].keys() == {"uri", "method"}


async def test_another_kind_of_action_leaves_nothing_of_the_one_before(api: Api) -> None:
    kinds = ("basic", "storage queue", "bus queue", "bus topic", "mqtt", "basic")
    await put(api, {**ACTIONS["mqtt"], "errorAction": ACTIONS["mqtt"]})
    for kind in kinds:
        await patched(api, action={**ACTIONS[kind], "errorAction": ACTIONS[kind]})
        fields = {f"{path}.{name}" for path in ("action", "action.errorAction") for name in SECRET_FIELDS[kind]}
        assert {*await opened(api)} == fields


async def test_a_certificate_goes_with_its_password(api: Api) -> None:
    await put(api, ACTIONS["certificate"])
    before = (await api.call("GET", JOB)).document["action"]["request"]["authentication"]
    await patched(api, {"method": "PUT"})
    assert (await api.call("GET", JOB)).document["action"]["request"]["authentication"] == before
    await refused(api, f"{PROOF}.password", "goes with pfx", {"authentication": {"pfx": a_pfx("other")}})
    await refused(api, f"{PROOF}.pfx", "goes with its password", {"authentication": {"password": "other"}})
    await refused(api, f"{PROOF}.pfx", "goes with its password", {"authentication": {"password": None}})
    await patched(api, {"authentication": {"pfx": a_pfx("other"), "password": "other"}})
    await patched(api, {"authentication": {"pfx": a_pfx(None), "password": ""}})
    assert [*await opened(api)] == [f"{PROOF}.pfx"]


async def test_an_expired_certificate_does_not_keep_a_job_from_being_disabled(api: Api) -> None:
    await put(api, ACTIONS["certificate"])
    turn(api, minutes=5 * 366 * 24 * 60)
    assert (await api.call("POST", f"{JOB}/disable")).status == 200
    reply = await api.call("PUT", JOB, {"action": ACTIONS["certificate"]})
    assert "expired at 2030-01-31T12:00:00Z" in reply.document["detail"]


async def test_a_batch_seals_each_secret_for_its_own_job(api: Api) -> None:
    jobs = [{"name": kind.replace(" ", "-"), "action": ACTIONS[kind]} for kind in KINDS]
    bad = {"name": "bad", "action": http({"type": "Basic", "username": "me"})}
    reply = await api.call("POST", "/collections/demo/jobs:batch", {"value": [*jobs, bad]})
    answers = {one["name"]: one["status"] for one in reply.document["value"]}
    assert answers == {**{job["name"]: 201 for job in jobs}, "bad": 400}
    for kind in KINDS:
        assert len(await opened(api, kind.replace(" ", "-"))) == len(SECRET_FIELDS[kind])


async def test_a_preview_of_a_posted_job_seals_nothing(api: Api) -> None:
    sealed = api.services.secrets.sealed  # type: ignore[attr-defined]
    for action in (http(BASIC), http({"type": "Basic", "username": "me"}), http(CERTIFICATE)):
        reply = await api.call("POST", f"{JOB}/occurrences", {"action": action, "recurrence": every(5)})
        assert (reply.status, len(reply.document["value"])) == (200, 10)
    assert sealed == []


async def test_what_a_job_holds_already_counts_towards_its_size(api: Api) -> None:
    long = http({"type": "Basic", "username": "me", "password": "x" * 12_000})
    await put(api, long)
    reply = await api.call("PATCH", JOB, {"action": {"request": {"body": "y" * 8000}}})
    assert (reply.status, "at most 16384" in reply.document["detail"]) == (400, True)
    await patched(api, {"body": "y" * 2000})


ACTION = st.sampled_from(KINDS).map(lambda kind: ACTIONS[kind])
PATCH = st.one_of(
    ACTION.map(lambda action: {"action": action}),
    st.just({"action": {"request": {"authentication": {"password": 5, "pfx": []}}}}),
    st.just({"action": {"type": 7}}),
    st.just({"tags": {"a": "b"}}),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(main=ACTION, error=ACTION, patches=st.lists(PATCH, max_size=3), junk=st.sampled_from(["", "x", "type"]))
async def test_no_reply_ever_holds_a_secret(api: Api, main: Json, error: Json, patches: list[Json], junk: str) -> None:
    arm = Arm(api)
    await arm.call("PUT", "/jc", {})
    job = {"action": {**main, "errorAction": error}} | ({junk: main} if junk else {})
    replies = [await api.call("PUT", JOB, job), await arm.call("PUT", "/jc/jobs/hello", {"properties": job})]
    for patch in patches:
        replies.append(await api.call("PATCH", JOB, patch))
        replies.append(await arm.call("PATCH", "/jc/jobs/hello", {"properties": patch}))
    replies += [await api.call("GET", JOB), await api.call("GET", "/collections/demo/jobs")]
    replies += [await arm.call("GET", "/jc/jobs/hello"), await arm.call("GET", "/jc/jobs")]
    said = "\n".join(str(reply.document) for reply in replies)
    assert not [secret for secret in SECRETS if secret in said]
