"""Rehearsals on the portal: what one would do, announcing it, calling it off, and how it is marked."""

from collections.abc import AsyncIterator

import pytest

from services.scheduler.domain.acts import Act
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.store.audit import AuditFilter
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api
from tests.parts.rehearsing import a_rehearsal

HOSTS = tuple(
    HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
    for name in ("db-0", "db-1")
)
FORM = {"host": "db-0", "type": "Freeze", "notice": "90", "duration": "20", "description": "drill"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """The portal with two hosts of one pool and a job that is at home on db-0."""
    async with running_api(*HOSTS) as running:
        await running.call("PUT", "/collections/demo", {})
        placement = {"host": "db-0", "pool": "db"}
        await running.call("PUT", "/collections/demo/jobs/one", a_job(recurrence=every(5), placement=placement))
        yield running


async def page(api: Api, place: str, *, status: int = 200) -> str:
    async with api.session.get(f"{api.url}/portal/{place}") as reply:
        assert reply.status == status
        return " ".join((await reply.text()).split())


async def send(api: Api, place: str, **form: str) -> tuple[int, str]:
    """Send a form; return the status, and where it leads or what it says."""
    async with api.session.post(f"{api.url}/portal/{place}", data=form, allow_redirects=False) as reply:
        return reply.status, reply.headers.get("Location") or " ".join((await reply.text()).split())


async def test_the_form_comes_filled_and_says_nothing_of_what_would_happen_before_it_is_asked(api: Api) -> None:
    shown = await page(api, "rehearse")
    assert "<option selected>Reboot</option>" in shown
    assert '<option value="db-1">' in shown
    assert "would do this" not in shown


async def test_once_hosts_are_named_it_says_what_would_happen(api: Api) -> None:
    shown = await page(api, "rehearse?host=db-0&type=Freeze&notice=90&duration=20")
    assert "<strong>1 job</strong> has this host for its own: 1 would move to its pool, 0 would wait" in shown
    assert "1 of 2 hosts is left" in shown
    assert "leeward rehearse --fleet freeze db-0 --notice 90 --duration 20" in shown
    both = await page(api, "rehearse?host=db-0&host=db-1")
    assert "none of its 2 hosts is left: they would wait" in both
    assert "1 would wait" in both


@pytest.mark.parametrize(
    ("query", "says"),
    [("host=db-9", "hosts: host &#39;db-9&#39; is not known"), ("host=db-0&notice=soon", "notice: &#39;soon&#39;")],
)
async def test_what_cannot_be_is_said_above_the_form(api: Api, query: str, says: str) -> None:
    shown = await page(api, f"rehearse?{query}", status=400)
    assert says in shown
    assert "would do this" not in shown


async def test_it_is_announced_and_its_page_says_what_it_is(api: Api) -> None:
    status, place = await send(api, "rehearse", **FORM)
    assert (status, place.partition("?")[2]) == (303, "notice=rehearsed")
    [event] = await api.services.store.list_rehearsed(limit=9)
    assert (event.type, event.duration_seconds, event.description) == ("Freeze", 20, "Rehearsal: drill")
    shown = await page(api, f"events/{event.event_id}?notice=rehearsed")
    for words in ("The rehearsal is announced", '">rehearsal</span>', "Never approved", "Cancel the rehearsal"):
        assert words in shown
    [entry] = await api.services.store.list_audit(AuditFilter(host="db-0"), top=9, skip=0)
    assert entry.act is Act.REHEARSAL_ANNOUNCED
    assert '<td class="why">Rehearsal: drill' in await page(api, "health/audit")


async def test_one_too_many_is_refused_with_what_to_do(api: Api) -> None:
    for _ in range(5):
        await send(api, "rehearse", **FORM)
    status, said = await send(api, "rehearse", **FORM)
    assert (status, "cancel one, or wait" in said) == (409, True)
    assert 'value="drill"' in said, "what was written stays written"


async def test_it_is_called_off_once(api: Api) -> None:
    await send(api, "rehearse", **FORM)
    [event] = await api.services.store.list_rehearsed(limit=9)
    cancel = f"rehearsals/{event.event_id}/cancel"
    assert [(await send(api, cancel))[1].partition("=")[2] for _ in range(2)] == [
        "rehearsal-cancelled",
        "rehearsal-over",
    ]
    shown = await page(api, f"events/{event.event_id}")
    assert ("cancelled" in shown, "Cancel the rehearsal" in shown) == (True, False)


async def test_lists_cards_and_the_weather_mark_it(api: Api) -> None:
    await api.services.store.put_event(a_rehearsal(at=NOON).event)
    events, overview = await page(api, "events"), await page(api, "../")
    for shown in (events, overview):
        assert '">rehearsal</span>' in shown
        assert "No approval" in shown
        assert "Rehearsal: quarterly" in shown
    assert "bar-rehearsed" in overview
    assert "Reboot (rehearsal), announced" in overview
