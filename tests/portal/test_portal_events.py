"""The events, and the page of one."""

import html
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from msgspec.structs import replace

from services.scheduler.api.schemas.fleet import event_document
from services.scheduler.domain.hosts import Spared
from services.scheduler.portal.fleet.chronicle import chronicle, early_by
from services.scheduler.portal.lengths import length_words, size_words
from services.scheduler.portal.paging import ROWS
from services.scheduler.store.records import Approval, ApprovalState, EventOutcome, EventRecord, HostDrain
from shared.messages import DrainState
from tests.parts.fakes_api import NOON, Api, running_api
from tests.parts.fleet_scene import EARLY, HOSTS, LIVE, past, set_scene
from tests.parts.tokens import ORDERS, by_file, three_callers

LIST = "/portal/events"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(*HOSTS) as api:
        await set_scene(api)
        yield api


async def page(api: Api, path: str, status: int = 200, session: ClientSession | None = None) -> str:
    async with (session or api.session).get(f"{api.url}{path}") as answer:
        assert answer.status == status
        return html.unescape(" ".join((await answer.text()).split()))


def story(event: EventRecord) -> list[str]:
    return [one.words for one in chronicle(event_document(event))]


async def test_active_events_lead_and_past_ones_follow_with_what_came_of_them(api: Api) -> None:
    text = await page(api, LIST)
    assert text.index("E-LIVE") < text.index("E-1") < text.index("P-0002") < text.index("P-0003")
    assert "2 still running" in text
    assert "approved by scheduler-0" in text
    assert "1 completed, 1 cancelled, 1 active" in text or "1 active, 1 completed, 1 cancelled" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=cancelled", {"P-0003"}),
        ("type=freeze", {"P-0002"}),
        ("host=DB-1&since=1d", {"E-1", "P-0002", "P-0003"}),
        ("since=1h", {"E-1"}),
        ("source=Platform", set()),
    ],
)
async def test_past_events_are_narrowed(api: Api, query: str, found: set[str]) -> None:
    text = await page(api, f"{LIST}?{query}")
    table = text[text.index('id="found"') :]
    assert {each for each in ("E-1", "P-0002", "P-0003") if f"portal/events/{each}" in table} == found


@pytest.mark.parametrize("query", ["outcome=well", "since=ever", "source=me"])
async def test_what_a_list_cannot_be_asked_for_is_said(api: Api, query: str) -> None:
    assert query.partition("=")[0] in await page(api, f"{LIST}?{query}", 400)


async def test_past_events_come_in_pages(api: Api) -> None:
    for number in range(10, 70):
        await api.services.store.put_event(past(number))
    assert f"1–{ROWS} of 63 events" in await page(api, LIST)
    assert "portal/events/P-0069" in await page(api, f"{LIST}?page=2")


async def test_an_event_tells_its_story_and_what_it_did_to_which_jobs(api: Api) -> None:
    text = await page(api, f"{LIST}/E-LIVE")
    for words in (
        "13 min of notice",
        "Moved since: now not before",
        "db-0 is being drained",
        "1 rerouted",
        "1 held",
        "portal/jobs/default/nightly/report",
        "It ran on db-1 and not on db-0",
        "<strong>backup</strong> on",
        "leeward event show E-LIVE",
        '"eventId": "E-LIVE"',
    ):
        assert words in text, words
    assert "There is no such thing" in await page(api, f"{LIST}/NONE", 404)


async def test_a_confined_caller_sees_the_event_and_its_own_jobs_alone(tmp_path: Path) -> None:
    async with (
        running_api(*HOSTS, rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await api.services.store.put_event(LIVE)
        await browser.post(f"{api.url}/sign-in", data={"token": ORDERS})
        text = await page(api, f"{LIST}/E-LIVE", session=browser)
        assert "as far as you may see" in text
        assert "still running" not in text
        assert "Rerouted" not in text


def test_a_story_is_told_in_order() -> None:
    assert story(EARLY) == [
        "Announced, not before",
        "db-0, db-1 cordoned",
        "db-0 drained",
        "db-1 drained",
        "Approved by scheduler-0",
        "Started",
        "Over",
    ]
    assert early_by(event_document(EARLY)) == timedelta(seconds=830)


def test_what_went_otherwise_is_told() -> None:
    overdue = HostDrain(drain=DrainState.OVERDUE, running=1)
    foreign = Approval(state=ApprovalState.FOREIGN, at=NOON)
    told = story(replace(LIVE, hosts={"db-0": overdue}, approval=foreign))
    assert "db-0 was not drained in time" in told
    assert "Approved by someone else" in told
    spared = replace(LIVE, hosts={"db-0": HostDrain(drain=DrainState.DRAINING, spared=Spared.SHARE)})
    assert "db-0 stays in use: one event may not take more of its pool" in story(spared)
    assert story(replace(EARLY, outcome=EventOutcome.CANCELLED))[-1] == "Cancelled: nothing happened"
    assert story(replace(EARLY, outcome=EventOutcome.EXPIRED))[-1].startswith("Taken to be over")
    assert story(replace(EARLY, announced_for=None, started_at=NOON))[0] == "Seen under way, without notice"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0402, "40 ms"),
        (1.5, "1.5 s"),
        (2, "2 s"),
        (12, "12 s"),
        (870, "14 min 30 s"),
        (21900, "6 h 5 min"),
        (3e5, "3 days"),
    ],
)
def test_lengths_are_said_in_plain_words(seconds: float, words: str) -> None:
    assert length_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(("size", "words"), [(12, "12 B"), (4096, "4.1 KB"), (80_379_904, "80 MB"), (2.5e12, "2.5 TB")])
def test_sizes_are_said_in_the_unit_that_fits(size: float, words: str) -> None:
    assert size_words(int(size)) == words
