"""Every route there is, called by every kind of caller: the router is walked, so that no new route is left out."""

import re
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from services.scheduler.api.examples import EXAMPLES
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.domain.callers import ANYBODY, Caller
from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.addresses import Address, addresses
from tests.parts.arm import Arm
from tests.parts.callers import (
    CONFINED_OPERATOR,
    CONFINED_READER,
    HEADER,
    HERE,
    NOBODY,
    OPERATOR,
    READER,
    believed,
)
from tests.parts.fakes_api import Api, a_job, every, running_api

LOOKING = {
    "POST /api/v1/collections/{collection}/jobs/{job}/occurrences",
    "POST /subscriptions/{subscription}/providers/Microsoft.Scheduler/register",
}
"""Routes that only look, whatever their method says."""
FORMS = re.compile(r"(GET|HEAD) /portal/(rehearse|(jobs|collections)/(.*/)?(new|edit|delete))")
"""Pages that are nothing but a form: they take the right that the form takes."""
STEERING = {
    "POST /api/v1/hosts/{host}/cordon",
    "POST /api/v1/hosts/{host}/release",
    "POST /api/v1/rehearsals",
    "POST /api/v1/rehearsals/foresight",
    "DELETE /api/v1/rehearsals/{event}",
    "POST /portal/rehearse",
    "POST /portal/rehearsals/{event}/cancel",
    "GET /portal/rehearse",
    "POST /portal/hosts/{host}/cordon",
    "POST /portal/hosts/{host}/release",
    "PUT /subscriptions/{subscription}/resourceGroups/{group}",
    "DELETE /subscriptions/{subscription}/resourceGroups/{group}",
}
"""Routes that concern everybody's jobs."""
FREE = {"/openapi.json", "/portal/static/portal.css", "/sign-in", "/sign-out"}
"""Nothing of anybody's: authentication decides who gets them."""
HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", running=71, held=72)


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    headers: Mapping[str, str]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Two collections with a job each on both mounts, `mine` and `other`; nobody is held back for asking often."""
    new_id = map("id-{:08}".format, count()).__next__  # of one length, as real ones are
    async with running_api(
        HOST, burst_reads=0, burst_writes=0, caller_rate=0, middlewares=[believed], new_id=new_id
    ) as api:
        for name in ("mine", "other"):
            await api.call("PUT", f"/collections/{name}", {"sku": {"name": "Standard"}})
            await api.call("PUT", f"/collections/{name}/jobs/nightly", a_job(recurrence=every(5)))
        yield api


def routes(api: Api, collection: str = "mine", job: str = "nightly", group: str = "default") -> list[Address]:
    names = {"collection": collection, "job": job, "host": "db-0", "event": "E1", "filename": "portal.css"}
    found = addresses(api.app, subscription=HERE.subscription, group=group, **names)
    return [one for one in found if one.path not in FREE]


async def ask(api: Api, route: Address, caller: Caller | str, body: object = None) -> Answer:
    arm = route.path.startswith("/subscriptions")
    url = f"{api.url}{route.path}{'?api-version=2016-03-01' if arm else ''}"
    name = caller if isinstance(caller, str) else caller.name
    data = b"{}" if body is None else msgspec.json.encode(body)
    sent = data if route.method not in ("GET", "HEAD") else None
    async with api.session.request(route.method, url, data=sent, headers={HEADER: name}) as response:
        streams = response.content_type == "text/event-stream"
        return Answer(response.status, b"" if streams else await response.read(), dict(response.headers))


def changes(route: Address) -> bool:
    is_form = FORMS.fullmatch(str(route)) is not None
    return is_form or (route.method not in ("GET", "HEAD") and str(route) not in LOOKING)


async def test_the_router_has_both_mounts_and_the_sets_above_name_routes_that_exist(api: Api) -> None:
    names = {str(route) for route in routes(api)}
    assert names >= LOOKING | STEERING
    assert sum(name.split()[1].startswith("/api/v1") for name in names) > 25
    assert sum(name.split()[1].startswith("/subscriptions") for name in names) > 18


async def test_without_a_caller_no_route_answers(api: Api) -> None:
    before = await api.stored()
    with capture_logs() as logged:  # to print each with its traceback takes a tenth of a second
        answers = [(str(route), await ask(api, route, NOBODY)) for route in routes(api)]
    assert len(logged) == len(answers)
    for route, answer in answers:
        assert answer.status == 500, route
        assert b"mine" not in answer.body, route
    assert await api.stored() == before


@pytest.mark.parametrize("caller", [READER, CONFINED_READER], ids=lambda caller: caller.name)
async def test_a_reader_changes_nothing_by_any_route(api: Api, caller: Caller) -> None:
    before = await api.stored()
    refused = []
    for route in routes(api):
        answer = await ask(api, route, caller)
        assert (answer.status == 403) == changes(route), (str(route), answer)
        if answer.status == 403:
            refused.append(route)
            assert b"operator" in answer.body
            assert caller.name.encode() in answer.body
    assert len(refused) > 20
    assert await api.stored() == before


async def test_an_operator_is_refused_nowhere(api: Api) -> None:
    for caller in (OPERATOR, ANYBODY):
        for route in routes(api, collection="absent", group="absent"):
            assert (await ask(api, route, caller)).status != 403, str(route)


async def test_a_confined_operator_does_not_steer_what_concerns_everybody(api: Api) -> None:
    for route in routes(api):
        if route.method != "DELETE" or str(route) in STEERING:
            status = (await ask(api, route, CONFINED_OPERATOR)).status
            assert (status == 403) == (str(route) in STEERING), str(route)


@pytest.mark.parametrize("caller", [CONFINED_OPERATOR, CONFINED_READER], ids=lambda caller: caller.name)
@pytest.mark.parametrize("name", ["other", "OTHER", "oth%65r"])
async def test_what_is_out_of_scope_answers_as_what_does_not_exist(api: Api, caller: Caller, name: str) -> None:
    before = await api.stored()
    for there, absent in zip(routes(api, name), routes(api, "absen"), strict=True):
        if "{collection}" in there.pattern:
            for body in ({}, EXAMPLES[JobDocument]):
                seen, unseen = await ask(api, there, caller, body), await ask(api, absent, caller, body)
                assert _plain(seen) == _plain(unseen), str(there)
                assert seen.status in (400, 403, 404), str(there)
    assert await api.stored() == before


async def test_an_operator_creates_the_collection_of_its_scope_and_no_other(api: Api) -> None:
    await api.call("DELETE", "/collections/mine")
    sent = {HEADER: CONFINED_OPERATOR.name}
    for name, status in (("mine", 201), ("MINE", 200), ("other", 403), ("fresh", 403)):
        reply = await api.call("PUT", f"/collections/{name}", {}, **sent)
        assert reply.status == status
    arm = await Arm(api).call("PUT", "/mine", {"location": "westus"}, **sent)
    assert arm.document["error"]["code"] == "AuthorizationFailed"
    assert "olga has no right to a collection mine" in arm.document["error"]["message"]


async def test_a_plan_without_room_does_not_tell_how_many_collections_others_have(api: Api) -> None:
    assert (await api.call("PUT", "/collections/free", {"sku": {"name": "Free"}})).status == 201
    for name in ("mine", "MINE"):
        reply = await api.call("PUT", f"/collections/{name}", {"sku": {"name": "Free"}}, **{HEADER: "olga"})
        assert reply.status == 409
        assert reply.document["detail"] == (
            "the subscription may have 1 collections of the plan Free and has no room for another"
        )


async def test_names_compare_without_case_and_decoded(api: Api) -> None:
    for name in ("mine", "MiNe", "m%69ne"):
        assert (await api.call("GET", f"/collections/{name}", **{HEADER: CONFINED_READER.name})).status == 200


async def test_every_route_says_in_the_description_that_it_may_refuse(api: Api) -> None:
    document = (await api.call("GET", f"{api.url}/openapi.json")).document
    operations = {
        f"{method.upper()} {path}": one["responses"]
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    for route in routes(api):
        if route.path != "/" and not route.path.startswith("/portal/"):
            responses: dict[str, Any] = operations[str(route)]
            assert "401" in responses, str(route)
            assert ("403" in responses) == changes(route), str(route)


def _plain(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """Return an answer without the name it was asked for, nor what differs each time."""
    body = re.sub(rb'"requestId":"[^"]*"', b"", re.sub(rb"(?i)other|absen", b"X", answer.body))
    own = ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id", "date")
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in own}
    return answer.status, body, headers
