"""A scheduler that asks nobody who he is: what pages of other sites may have a browser send to it."""

from collections.abc import AsyncIterator

import pytest

from tests.parts.fakes_api import Api, running_api

OWN = ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "leeward.localhost:80", "[::1]:8080", "127.9.9.9", "localhost."]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "10.0.0.4",
    "[::2]:8080",
    "0.0.0.0",
    "[:",
    "@",
]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        yield api


@pytest.mark.parametrize("host", OWN)
async def test_names_of_this_machine_are_answered(api: Api, host: str) -> None:
    assert (await api.call("GET", "/collections", Host=host)).status == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_name_that_leads_here_is_refused(api: Api, host: str) -> None:
    for path in ("/collections", f"{api.url}/"):
        assert (await api.call("GET", path, Host=host)).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://[:"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
    ],
)
async def test_pages_of_other_sites_change_nothing(api: Api, headers: dict[str, str]) -> None:
    reply = await api.call("PUT", "/collections/demo", {}, **headers)
    assert (reply.status, reply.document["type"]) == (403, "urn:leeward:problem:foreign-request")
    assert (await api.call("GET", "/collections")).document["value"] == []


async def test_programs_and_own_pages_may_change(api: Api) -> None:
    own = {"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}
    for headers in ({}, own, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
        assert (await api.call("PUT", "/collections/demo", {}, **headers)).status in (200, 201)


async def test_azures_paths_refuse_in_azures_form(api: Api) -> None:
    path = "/subscriptions/s/resourceGroups/g?api-version=2016-03-01"
    reply = await api.call("DELETE", f"{api.url}{path}", Origin="https://evil.example")
    assert (reply.status, reply.document["error"]["code"]) == (403, "AuthenticationFailed")
