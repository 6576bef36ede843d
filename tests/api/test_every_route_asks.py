"""No route is forgotten: all that the application has is tried without a token, with a wrong one and from elsewhere."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.fakes_api import Api, running_api
from tests.parts.tokens import bearer, by_file, three_callers

FREE = {
    ("GET", "/sign-in"),
    ("HEAD", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/portal/static"),
    ("HEAD", "/portal/static"),
}
GROUP = "/subscriptions/s/resourceGroups/g"
KINDS = ("", "/providers/Microsoft.Scheduler", "/providers/Microsoft.Scheduler/jobCollections")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(rules=by_file(three_callers(tmp_path))) as api:
        yield api


def routes(api: Api) -> list[tuple[str, str]]:
    """Return method and path of every route with a path of its own; Azure's match by pattern, and are tried below."""
    found = [
        (route.method, route.resource.canonical) for route in api.app.router.routes() if route.resource is not None
    ]
    return [
        (method, re.sub(r"\{[^}]+\}", "x", path)) for method, path in found if not path.startswith("/subscriptions")
    ]


async def status(api: Api, method: str, path: str, **headers: str) -> int:
    async with api.session.request(method, f"{api.url}{path}", headers=headers, allow_redirects=False) as reply:
        return reply.status


async def test_every_route_asks_for_a_token(api: Api) -> None:
    tried = routes(api)
    assert len(tried) > 30
    for headers in ({}, bearer("wrong")):
        let_in = {route for route in tried if await status(api, *route, **headers) not in (303, 401, 429)}
        assert let_in <= FREE
        led = {route for route in tried if await status(api, *route, **headers) == 303}
        assert all(path == "/" or path.startswith("/portal/") for _, path in led)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"])
async def test_azures_paths_ask_as_well(api: Api, method: str) -> None:
    paths = [f"{GROUP}{kind}{rest}" for kind in KINDS for rest in ("", "/c", "/c/jobs", "/c/jobs/j", "/c/jobs/j/run")]
    for path in (*paths, *map(str.upper, paths), f"{paths[-1]}/", f"/{paths[-1]}"):
        assert await status(api, method, f"{path}?api-version=2016-03-01") == 401, path


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/",
        "/sign-in/../api/v1/jobs",
        "/portal/static/../../api/v1/collections",
        "/portal/static/%2e%2e/%2e%2e/api/v1/collections",
        "//sign-in",
        "/SIGN-IN",
        "/sign-in%00",
        "/portal/staticx",
        "/api/v1/collections;/sign-in",
        "/api/v1/collections?/sign-in",
    ],
)
async def test_no_spelling_of_a_free_path_leads_elsewhere(api: Api, path: str) -> None:
    async with api.session.get(f"{api.url}{path}") as reply:
        assert reply.status in (401, 403, 404)
        assert "value" not in await reply.text()
