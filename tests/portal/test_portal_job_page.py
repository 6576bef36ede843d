"""The page of one job: what applies to it, and why it ran where and when it did."""

import html
from collections.abc import AsyncIterator

import pytest

from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.api_work import run_due, turn
from tests.parts.fakes_api import Api, a_job, every, running_api

PAGE = "/portal/jobs/default/ops/nightly"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        await api.call("PUT", "/collections/ops", {"maintenance": {"strategy": "Hold"}})
        await api.call(
            "PUT",
            "/collections/ops/jobs/nightly",
            a_job(recurrence=every(5), maintenance={"leadTime": "auto", "byType": {"Freeze": {"strategy": "Ignore"}}}),
        )
        yield api


async def page(api: Api, path: str = PAGE, status: int = 200, *, partial: bool = False) -> str:
    headers = {"HX-Request": "true"} if partial else {}
    async with api.session.get(f"{api.url}{path}", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        return html.unescape(" ".join((await answer.text()).split()))


async def test_the_list_leads_to_it_and_it_leads_back(api: Api) -> None:
    assert f'href="../{PAGE.removeprefix("/")}"' in await page(api, "/portal/jobs")
    text = await page(api)
    assert 'href="../../../../portal/static/portal.css"' in text
    assert 'class="brand" href="../../../../"' in text
    assert f'hx-get="../../../../{PAGE.removeprefix("/")}"' in text


async def test_it_says_what_applies_and_who_has_said_so(api: Api) -> None:
    text = await page(api)
    row = text[text.index("Any event") : text.index("Freeze</th>")]
    assert "Hold<small>collection</small>" in row
    assert "auto before<small>job</small>" in row
    assert "Ignore<small>job</small>" in text


async def test_it_says_of_each_occurrence_why_it_ran(api: Api) -> None:
    assert "Nothing was decided yet" in await page(api)
    turn(api, minutes=5)
    await run_due(api)
    text = await page(api, partial=True)
    assert "It ran: no known host serves it." in text
    assert "<html" not in text


@pytest.mark.parametrize("place", ["default/ops/absent", "default/absent/nightly", "absent/ops/nightly"])
async def test_what_is_not_there_is_said_in_the_same_frame(api: Api, place: str) -> None:
    assert "There is no such thing" in await page(api, f"/portal/jobs/{place}", 404)


class AwayStore(MemoryStore):
    """A store whose database cannot be reached."""

    async def get_collection(self, namespace: Namespace, name: str) -> Collection:
        raise StoreUnavailableError("the database is away")


async def test_while_the_store_is_away_it_says_so() -> None:
    async with running_api(store=AwayStore(lambda: "id")) as api:
        assert "The store cannot be reached" in await page(api, PAGE, 503)
