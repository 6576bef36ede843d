"""Real trouble with hosts, watchers and the bus, and the alerts that a real Prometheus raises about it."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from shared.messages import encode
from shared.topics import HostKey, Topics
from tests.parts.alerting import hastened
from tests.parts.builders import event, inventory, online, snapshot
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.prometheus import Prometheus, Scrape
from tests.parts.site import Json, Site
from tests.parts.watched_site import scrapes_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.system]

TOPICS = Topics()
ALL = ("db-0", "db-1", "web-0")
SETTINGS = {
    "LEEWARD_SILENT_MARGIN_SECONDS": "1",
    "LEEWARD_EVENT_POOL_SHARE": "0.5",
    "LEEWARD_HOLD_HOURS": "0.002",
    "LEEWARD_HOST_CAPACITY": "2",
}
RESPONDER = {
    "LEEWARD_COMMAND": "/bin/false",
    "LEEWARD_COMMAND_EVENTS": "Redeploy",
    "LEEWARD_COMMAND_PHASES": "resume",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Three watched hosts, db-0 and db-1 in one pool."""
    folder = tmp_path_factory.mktemp("site")
    async with Site(folder, hosts=ALL, settings=SETTINGS, watching=RESPONDER).running() as running:
        yield running


class Outside(msgspec.Struct, frozen=True):
    """A watcher on none of the VMs, with Event Grid alone: its ports for that and for metrics."""

    program: Program
    port: int
    ops_port: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outside(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    """That watcher, on the site's bus."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "key").write_text("a-key-of-twenty-four-chars")
    port, ops_port = free_port(), free_port()
    settings = {
        **site.broker.environment("outside"),
        "LEEWARD_IMDS_URL": "none",
        "LEEWARD_HOST": "outside",
        "LEEWARD_GROUP": "fleet",
        "LEEWARD_OPS_LISTEN": f"127.0.0.1:{ops_port}",
        "LEEWARD_EVENTGRID_LISTEN": f"127.0.0.1:{port}",
        "LEEWARD_EVENTGRID_KEY_FILE": str(folder / "key"),
    }
    async with Program("services.vmwatch", log=folder / "log", settings=settings) as program:
        await listening(port)
        yield Outside(program, port, ops_port)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judge(site: Site, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that judges the site by rules that wait for nothing."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules").mkdir()
    beside = Scrape(job="leeward-vmwatch", address=f"127.0.0.1:{outside.ops_port}", labels={"instance": "outside"})
    async with Prometheus(folder, *scrapes_of(site), beside, rules=hastened(folder / "rules")) as running:
        await running.until_scraped()
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def calm(site: Site, judge: Prometheus) -> AsyncIterator[Prometheus]:
    """The judge; what a test has brought about is mended afterwards."""
    yield judge
    await site.azure("PUT", "/faults", [])
    await end_all_events(site)
    site.targets.gate.set()
    for host in ALL:
        if site.watchers[host].has_ended:
            await site.watchers[host].start()
    await site.until_host(lambda hosts: all(is_calm(hosts[host]) for host in ALL), seconds=60)
    site.targets.gate.clear()


def is_calm(host: Json) -> bool:
    return (host["condition"], host["running"], host["watcher"]) == ("available", 0, "online")


async def end_all_events(site: Site) -> None:
    """Cancel every event of the emulator's; one that has started, or starts just now, is finished."""
    for known in (await site.azure("GET", "/state"))["events"]:
        for verb in ("cancel", "finish"):
            url = f"http://127.0.0.1:{site.imds_port}/control/events/{known['id']}/{verb}"
            async with site.session.post(url) as reply:
                assert reply.status in {200, 204, 400, 404}


async def brought_by(judge: Prometheus, *names: str) -> None:
    """Wait until the alerts are quiet, so that it is a test's own trouble that they tell of."""
    await judge.until_quiet(*names)
    assert not set(names) & await judge.firing()


async def test_what_cannot_read_events_is_told(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardMetadataFailing")
    await site.azure("PUT", "/faults", {"kind": "status", "status": 500, "vm": "db-1"})
    await calm.until_firing("LeewardMetadataFailing")
    (alert,) = [each for each in await calm.alerts() if each.name == "LeewardMetadataFailing"]
    assert alert.labels["instance"] == "db-1"
    assert alert.annotations["summary"] == "db-1 cannot read scheduled events"


async def test_a_broker_that_is_gone_is_told_by_both_services(site: Site, calm: Prometheus) -> None:
    names = ("LeewardSchedulerBusDown", "LeewardWatcherBusDown")
    await brought_by(calm, *names)
    await site.broker.stop()
    try:
        await calm.until_firing(*names)
    finally:
        await site.broker.start()
    await calm.until_value("count(leeward_bus_connected == 1)", len(ALL) + 2)
    await brought_by(calm, *names)


async def test_a_watcher_that_is_stopped_is_missed_by_prometheus_and_by_the_scheduler(
    site: Site, calm: Prometheus
) -> None:
    names = ("LeewardWatcherDown", "LeewardWatchersUnheard")
    await brought_by(calm, *names)
    assert await site.watchers["web-0"].stop() == 0
    await calm.until_firing(*names)
    await calm.until_value('leeward_watchers{state="offline"}', 1)
    assert "LeewardWatchersUnheard" in await calm.firing()


async def test_an_event_that_nobody_sees_end_leaves_its_host_silent(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardHostSilent", "LeewardWatcherDown")
    known = await site.raise_event("Freeze", "web-0", source="Platform", noticeSeconds=4, durationSeconds=1)
    await site.until_event(known, lambda found: found["outcome"] == "active")
    for host in ALL:
        assert await site.watchers[host].stop() == 0
    await calm.until_firing("LeewardHostSilent")
    assert (await site.host("web-0"))["condition"] == "silent"


async def test_a_machine_that_is_taken_away_is_lost_and_what_is_pinned_to_it_missed(
    site: Site, calm: Prometheus
) -> None:
    names = ("LeewardHostsLost", "LeewardOccurrencesMissed")
    await brought_by(calm, *names)
    await site.create_job("pinned", "/pinned", placement={"host": "web-0"})
    known = await site.raise_event("Terminate", "web-0", startedSeconds=3)
    await site.until_event(known, lambda found: found["status"] == "Started")
    assert await site.watchers["web-0"].stop() == 0
    await calm.until_firing(*names)
    missed = await calm.query('ALERTS{alertname="LeewardOccurrencesMissed"}')
    assert [each.metric["reason"] for each in missed] == ["host_lost"]
    await site.call("DELETE", "/collections/demo/jobs/pinned")


async def test_what_runs_into_an_event_is_told_before_and_when_it_comes(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardExecutionsWillBeCut", "LeewardDrainOverdue")
    seen = len(site.targets.hits)
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    await site.targets.until_hit("/gated", after=seen)
    await site.raise_event("Reboot", "db-0", source="Platform", noticeSeconds=6, startedSeconds=30)
    await calm.until_firing("LeewardExecutionsWillBeCut")
    assert await calm.value('leeward_drains{state="overdue"}') == 0
    await calm.until_firing("LeewardDrainOverdue")
    assert await calm.value("leeward_executions_crossing") == 0


async def test_a_block_and_a_long_hold_are_told(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardApprovalWaits", "LeewardJobsHeldLong")
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    topic = TOPICS.block(HostKey("db-0"), "backup")
    async with site.client() as bus:
        bus.keep(topic, b'{"reason": "the nightly copy runs"}')
        assert await bus.flush(5)
        await site.raise_event("Reboot", "db-0", noticeSeconds=300)
        await calm.until_firing("LeewardApprovalWaits", "LeewardJobsHeldLong")
        bus.clear(topic)
        await calm.until_quiet("LeewardApprovalWaits")
    await site.call("DELETE", "/collections/demo/jobs/pinned")


async def test_azure_refuses_every_approval(site: Site, calm: Prometheus) -> None:
    names = ("LeewardApprovalsFail", "LeewardApproveCommandsFail")
    await brought_by(calm, *names)
    await site.azure("PUT", "/faults", {"kind": "status", "status": 500, "method": "POST"})
    known = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
    await calm.until_firing(*names)
    assert known not in {approval["eventId"] for approval in await site.approvals()}


async def test_somebody_else_lets_an_event_start(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardStartedByOthers")
    known = await site.raise_event("Reboot", "db-0", source="Platform", noticeSeconds=300, startedSeconds=3)
    await site.until_event(known, lambda found: found["hosts"]["db-0"]["drain"] == "drained")
    await site.azure("POST", f"/events/{known}/approve")
    await calm.until_firing("LeewardStartedByOthers")
    assert (await site.event(known))["approval"]["state"] == "foreign"


async def test_an_event_on_a_whole_pool_that_never_ends(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardPoolShareExceeded", "LeewardHoldEnded")
    await site.raise_event("Freeze", "db-0", "db-1", source="Platform", noticeSeconds=0, startedSeconds=300)
    await calm.until_firing("LeewardPoolShareExceeded")
    await calm.until_firing("LeewardHoldEnded")
    assert (await calm.value("leeward_pool_share_exceeded_total") or 0) >= 1


async def test_a_stranger_reports_about_others_and_somebody_litters(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardMessagesForged", "LeewardMessagesUnreadable")
    stranger = HostKey("stranger")
    async with site.client() as bus:
        bus.keep(TOPICS.inventory(stranger), encode(inventory("stranger", group="another")))
        bus.keep(TOPICS.status(stranger), encode(online("stranger")))
        bus.keep(TOPICS.events(stranger), encode(snapshot("stranger", event("db-0"))))
        bus.keep(TOPICS.status(HostKey("litter")), b"litter")
        assert await bus.flush(5)
        await calm.until_firing("LeewardMessagesForged", "LeewardMessagesUnreadable")
        assert (await site.host("db-0"))["condition"] == "available"
        for kept in (TOPICS.inventory, TOPICS.status, TOPICS.events):
            bus.clear(kept(stranger))
        bus.clear(TOPICS.status(HostKey("litter")))
        assert await bus.flush(5)


async def test_deliveries_with_a_wrong_key_are_told(site: Site, outside: Outside, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardEventGridRefused")
    url = f"http://127.0.0.1:{outside.port}/eventgrid?code=another-key-of-many-chars"
    async with site.session.post(url, json=[]) as reply:
        assert reply.status in {401, 403, 404}
    await calm.until_firing("LeewardEventGridRefused")


async def test_an_incarnation_that_falls_is_told(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardScheduledEventsWereOff")
    await site.azure("PUT", "/incarnation", {"value": 1})
    await calm.until_firing("LeewardScheduledEventsWereOff")
    assert (await calm.value("max(leeward_incarnation_resets_total)")) == 1


async def test_a_command_that_fails_is_told(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardResponderFailed")
    await site.raise_event("Redeploy", "db-1", noticeSeconds=60, startedSeconds=1)
    await calm.until_firing("LeewardResponderFailed")
    (failed,) = await calm.query('ALERTS{alertname="LeewardResponderFailed"}')
    assert (failed.metric["instance"], failed.metric["phase"]) == ("db-1", "resume")


async def test_a_host_with_as_much_as_it_may_have_is_told(site: Site, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardHostsFull")
    for number in range(3):
        await site.create_job(f"long-{number}", "/gated", every=None, placement={"host": "db-1"})
    await calm.until_firing("LeewardHostsFull")
    assert (await site.host("db-1"))["running"] == 2


async def test_services_of_which_none_is_left_are_told(site: Site, outside: Outside, calm: Prometheus) -> None:
    names = ("LeewardSchedulerAbsent", "LeewardSchedulerDown", "LeewardWatchersAbsent")
    await brought_by(calm, *names)
    for program in (site.scheduler, outside.program, *site.watchers.values()):
        assert await program.stop() == 0
    await calm.until_firing(*names)
    await site.scheduler.start()
    await outside.program.start()
    await listening(site.api_port, seconds=60)
    await site.ready()
    await calm.until_quiet(*names)
    assert await calm.value('up{job="leeward-scheduler"}') == 1
