"""What goes wrong between the Kubernetes responder and the API server never counts as a drained node."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from msgspec.structs import replace

from services.vmwatch.kubernetes_settings import BlockedPods, KubernetesSettings
from services.vmwatch.responders.base import ResponderError
from services.vmwatch.responders.kubernetes.open import open_kubernetes
from shared.clock import SystemClock
from shared.settings import SettingsError
from tests.parts.kube_api import Refusal
from tests.parts.kube_work import DRAIN, NODE, KubeWork, errand, kube_work
from tests.parts.waiting import until


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[KubeWork]:
    async with kube_work(tmp_path) as started:
        yield started


def overloaded() -> web.Response:
    return Refusal(429, "TooManyRequests", "too many requests, please try again later").response()


def broken() -> web.Response:
    return Refusal(500, "InternalError", "etcdserver: request timed out").response()


def gateway() -> web.Response:
    return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")


def nameless() -> web.Response:
    answer = web.Response(status=503)
    del answer.headers["Content-Type"]
    return answer


def cut_off() -> web.Response:
    return web.Response(body=b'{"kind": "Node", "met', content_type="application/json")


@pytest.mark.parametrize("mood", [overloaded, broken, gateway, nameless, cut_off])
async def test_passing_faults_are_got_over(work: KubeWork, mood: Callable[[], web.Response]) -> None:
    work.state.add_pod("cart", NODE)
    work.api.moods = [mood, mood]
    await work.responder().prepare(errand())
    assert work.is_closed
    assert work.state.on(NODE) == []


async def test_a_fault_of_one_eviction_is_got_over(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    work.api.before_eviction = fails_once(work)
    await work.responder().prepare(errand())
    assert work.state.on(NODE) == []
    assert work.api.asked == ["cart", "cart"]


def fails_once(work: KubeWork) -> Callable[[], None]:
    def fail() -> None:
        work.api.before_eviction = lambda: None
        raise Refusal(504, "Timeout", "couldn't update PodDisruptionBudget due to conflicts")

    return fail


async def test_an_api_server_that_is_away_fails_the_drain_in_time(work: KubeWork) -> None:
    work.api.url = "http://127.0.0.1:9"
    work.api.kubeconfig(work.kubeconfig.parent)
    with pytest.raises(ResponderError, match="get nodes"):
        await work.responder().prepare(errand(seconds=0.6))
    assert not work.is_closed


async def test_an_api_server_that_hangs_fails_the_drain_in_time(work: KubeWork) -> None:
    work.api.awake.clear()
    with pytest.raises(ResponderError, match=r"get nodes .*: no answer within 0.1 s"):
        await work.responder(call_seconds=0.1).prepare(errand(seconds=0.6))
    assert not work.is_closed


async def test_an_api_server_that_goes_away_in_the_middle_is_waited_for(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    work.state.ends_after["cart"] = 0.2
    preparing = asyncio.create_task(work.responder(call_seconds=0.1).prepare(errand()))

    async def is_asked() -> bool:
        return work.api.asked == ["cart"]

    await until(is_asked)
    work.api.awake.clear()
    await until(lambda: is_gone(work))
    work.api.awake.set()
    await preparing
    assert work.state.reasons()[-1] == "PodsEvicted"


async def is_gone(work: KubeWork) -> bool:
    return not work.state.on(NODE)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "nodes"), ("patch", "nodes"), ("list", "pods"), ("create", "pods/eviction")],
)
async def test_a_missing_right_is_named_with_its_verb_and_resource(work: KubeWork, verb: str, resource: str) -> None:
    work.state.add_pod("cart", NODE)
    work.api.denied = {(verb, resource)}
    with pytest.raises(ResponderError, match=rf"{verb} {resource}.*: not allowed; grant it"):
        await work.responder().prepare(errand())
    assert work.state.on(NODE) == ["cart"]


async def test_deleting_takes_a_right_of_its_own(work: KubeWork) -> None:
    work.state.add_pod("db", NODE, labels={"app": "db"}, grace=1)
    work.state.add_budget("db", {"app": "db"}, minAvailable=1)
    work.api.denied = {("delete", "pods")}
    with pytest.raises(ResponderError, match=r"delete pods \(shop/db\): not allowed"):
        await work.responder(replace(DRAIN, blocked_pods=BlockedPods.DELETE)).prepare(errand(seconds=1))
    assert work.state.on(NODE) == ["db"]


async def test_without_the_right_to_write_events_the_work_is_done_all_the_same(work: KubeWork) -> None:
    work.state.add_pod("cart", NODE)
    work.api.denied = {("create", "events")}
    responder = work.responder()
    await responder.prepare(errand())
    await responder.resume(errand())
    assert work.state.on(NODE) == []
    assert not work.is_closed


async def test_credentials_that_are_not_accepted_fail_at_once(work: KubeWork) -> None:
    work.api.tokens = {"another"}
    with pytest.raises(ResponderError, match="does not accept the credentials") as raised:
        await work.responder().prepare(errand())
    assert "let-me-in" not in str(raised.value)


async def test_a_fault_while_opening_the_node_is_told_and_the_next_try_opens_it(work: KubeWork) -> None:
    responder = work.responder()
    await responder.prepare(errand())
    work.api.moods = [broken]
    with pytest.raises(ResponderError, match="etcdserver"):
        await responder.resume(errand())
    await responder.resume(errand())
    assert not work.is_closed


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "not found"), ("{}", "clusters"), ("a: [", "ParserError"), ("token: [1, 2]\nclusters: 3", "TypeError")],
)
async def test_a_kubeconfig_that_cannot_be_used_is_named(work: KubeWork, text: str | None, told: str) -> None:
    work.kubeconfig.unlink()
    if text is not None:
        work.kubeconfig.write_text(text)
    with pytest.raises(ResponderError, match="kubernetes_kubeconfig=") as raised:
        await work.responder().prepare(errand())
    assert told in str(raised.value)


async def test_outside_of_a_pod_a_kubeconfig_is_asked_for() -> None:
    responder = open_kubernetes(DRAIN, clock=SystemClock(), monotonic=lambda: 0.0)
    assert responder is not None
    with pytest.raises(ResponderError, match="LEEWARD_KUBERNETES_KUBECONFIG"):
        await responder.prepare(errand())


def test_switched_off_there_is_no_responder() -> None:
    assert open_kubernetes(KubernetesSettings(), clock=SystemClock(), monotonic=lambda: 0.0) is None


def test_without_its_library_the_responder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "services.vmwatch.responders.kubernetes.client", raising=False)
    monkeypatch.setitem(sys.modules, "lightkube", None)
    with pytest.raises(SettingsError, match=r"pip install leeward\[kubernetes\]"):
        open_kubernetes(DRAIN, clock=SystemClock(), monotonic=lambda: 0.0)
