"""The Kubernetes responder beside the desk, over restarts, when deadlines move, and in a dry run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from services.vmwatch.kubernetes_settings import KubernetesSettings
from services.vmwatch.metrics import Metrics
from services.vmwatch.responders.base import ResponderError
from services.vmwatch.responders.calls import Calls
from services.vmwatch.responders.case_file import CaseFile
from services.vmwatch.responders.desk import Desk, Place
from services.vmwatch.responders.kubernetes.client import open_cluster
from shared.clock import SystemClock
from shared.messages import Event
from shared.topics import Topics, host_key
from tests.parts.certificates import LOCAL, Authority
from tests.parts.kube_api import KubeApi
from tests.parts.kube_work import DRAIN, EVENT, HOST, NODE, OTHER, KubeWork, errand, event, kube_work
from tests.parts.waiting import until
from tests.parts.watching import RememberedOutlet


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[KubeWork]:
    async with kube_work(tmp_path) as started:
        yield started


@asynccontextmanager
async def desk_at(
    work: KubeWork, file: Path, *, settings: KubernetesSettings = DRAIN, dry_run: bool = False
) -> AsyncIterator[Desk]:
    """Run the desk of one life of the watcher."""
    clock = SystemClock()
    desk = Desk(
        [work.responder(settings)],
        Place(host=HOST, computer_name=lambda: NODE),
        calls=Calls(Metrics("test"), monotonic, dry_run=dry_run),
        memory=CaseFile(file, host_key(HOST)),
        keeper=RememberedOutlet(),
        topics=Topics(),
        clock=clock,
        monotonic=monotonic,
        dry_run=dry_run,
    )
    running = asyncio.create_task(desk.run())
    await asyncio.sleep(0)
    try:
        yield desk
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def soon(about: Event, seconds: float = 10) -> Event:
    return replace(about, not_before=SystemClock().now() + timedelta(seconds=seconds))


async def comes(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until(holds, seconds=5)


async def test_the_approval_waits_until_the_pods_have_left(work: KubeWork, tmp_path: Path) -> None:
    work.state.add_pod("cart", NODE)
    work.state.ends_after["cart"] = 0.2
    async with desk_at(work, tmp_path / "cases") as desk:
        desk.take([soon(event())])
        assert desk.objection(EVENT) == f"kubernetes at work for Reboot {EVENT}"
        await comes(lambda: not desk.objection(EVENT))
        assert work.state.on(NODE) == []
        desk.take([])
        await comes(lambda: not work.is_closed)
        await comes(lambda: work.state.reasons() == ["Cordoned", "PodsEvicted", "Uncordoned"])


async def test_an_event_is_not_approved_after_a_failed_drain(work: KubeWork, tmp_path: Path) -> None:
    work.state.add_pod("db", NODE, labels={"app": "db"})
    work.state.add_budget("db", {"app": "db"}, minAvailable=1)
    async with desk_at(work, tmp_path / "cases") as desk:
        desk.take([soon(event(), 0.6)])
        await comes(lambda: "shop/db" in desk.objection(EVENT))
        await comes(lambda: "DrainFailed" in work.state.reasons())
        assert work.is_closed


async def test_a_cancelled_event_opens_the_node_in_the_middle_of_a_drain(work: KubeWork, tmp_path: Path) -> None:
    work.state.add_pod("stuck", NODE)
    work.state.ends_after["stuck"] = None
    async with desk_at(work, tmp_path / "cases") as desk:
        desk.take([soon(event())])
        await comes(lambda: work.api.asked == ["stuck"])
        desk.take([])
        await comes(lambda: not work.is_closed)
    assert work.state.on(NODE) == ["stuck"]


async def test_a_node_is_opened_after_a_restart_though_the_file_was_lost(work: KubeWork, tmp_path: Path) -> None:
    async with desk_at(work, tmp_path / "cases") as desk:
        desk.take([soon(event())])
        await comes(lambda: work.is_closed)
    async with desk_at(work, tmp_path / "on a new disk") as desk:
        desk.take([])
        await comes(lambda: work.state.reasons()[-1:] == ["Uncordoned"])
    assert not work.is_closed


async def test_tidying_up_leaves_closed_what_an_event_keeps_closed(work: KubeWork) -> None:
    await work.responder().prepare(errand())
    await work.responder().prepare(errand(event("Redeploy", OTHER), others=(event(),)))
    await work.responder().tidy(HOST, NODE, lambda: [event("Redeploy", OTHER)])
    assert work.is_closed
    await work.responder().tidy(HOST, NODE, list)
    assert not work.is_closed


async def test_tidying_up_waits_for_the_api_server(work: KubeWork) -> None:
    await work.responder().prepare(errand())
    work.api.awake.clear()
    with capture_logs() as lines:
        tidying = asyncio.create_task(work.responder(call_seconds=0.05).tidy(HOST, NODE, list))
        await comes(lambda: any(line["event"] == "API server not reached" for line in lines))
        work.api.awake.set()
        await tidying
    assert not work.is_closed


async def test_pods_are_made_quicker_when_the_event_comes_earlier(work: KubeWork, tmp_path: Path) -> None:
    work.state.add_pod("slow", NODE, grace=600)
    work.state.ends_after["slow"] = None
    async with desk_at(work, tmp_path / "cases") as desk:
        desk.take([soon(event(), 900)])
        await comes(lambda: work.state.graces.get("slow") == [600])
        desk.take([soon(event(), 60)])
        await comes(lambda: len(work.state.graces["slow"]) == 2)
    assert work.state.graces["slow"][1] < 60


async def test_a_dry_run_asks_for_everything_and_changes_nothing(work: KubeWork, tmp_path: Path) -> None:
    work.state.add_pod("cart", NODE)
    work.state.add_pod("db", NODE, labels={"app": "db"})
    work.state.add_budget("db", {"app": "db"}, minAvailable=1)
    before = work.node["metadata"]["resourceVersion"]
    with capture_logs() as lines:
        async with desk_at(work, tmp_path / "cases", dry_run=True) as desk:
            desk.take([soon(event())])
            await comes(lambda: any(line["event"] == "dry run: node judged" for line in lines))
    assert sorted(work.api.asked) == ["cart", "db"]
    assert work.node["metadata"]["resourceVersion"] == before
    assert work.state.on(NODE) == ["cart", "db"]
    assert work.state.events == []


async def test_a_rehearsal_says_what_would_leave_and_what_would_not(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    work.state.add_pod("db", NODE, labels={"app": "db"})
    work.state.add_budget("db", {"app": "db"}, minAvailable=1)
    with capture_logs() as lines:
        await work.responder().rehearse(errand())
    assert (lines[-1]["event"], lines[-1]["pods"]) == ("dry run: node judged", 1)
    assert "shop/db: create pods/eviction" in lines[-1]["kept"]


async def test_a_dry_run_finds_missing_rights(work: KubeWork) -> None:
    work.api.denied = {("patch", "nodes")}
    with pytest.raises(ResponderError, match="patch nodes"):
        await work.responder().rehearse(errand())
    assert not work.is_closed


async def test_a_pods_service_account_is_used_and_its_token_read_again_when_it_was_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    async with KubeApi().serve(authority.certify("api", *LOCAL).serving()) as api:
        api.state.add_node(NODE)
        host, _, port = api.url.removeprefix("https://").partition(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        (tmp_path / "ca.crt").write_bytes(authority.identity.pem)
        (tmp_path / "namespace").write_text("leeward")
        (tmp_path / "token").write_text("let-me-in")
        async with open_cluster(None, HOST, clock=SystemClock(), service_account=tmp_path) as cluster:
            assert (await cluster.node(NODE)).name == NODE
            api.tokens = {"the-next-one"}
            (tmp_path / "token").write_text("the-next-one")
            assert (await cluster.node(NODE)).closed is False
