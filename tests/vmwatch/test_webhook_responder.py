"""The webhook responder against a real endpoint: signed, templated, repeated, never followed elsewhere."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from services.vmwatch.responder_settings import WebhookSettings
from services.vmwatch.responders.base import ResponderError, UnheardError
from services.vmwatch.responders.webhook import WebhookResponder
from shared.clock import SystemClock
from shared.messages import DrainState
from tests.parts.ports import free_port
from tests.parts.responding import an_errand, an_event
from tests.parts.webhook_receiver import WebhookReceiver

SECRET = f"whsec_{base64.b64encode(b'a signing secret of 32 bytes....').decode()}"


def responder(*urls: str, inform_seconds: float = 5, **more: Any) -> WebhookResponder:
    settings = WebhookSettings(urls=urls, **more)
    return WebhookResponder(settings, SystemClock(), inform_seconds=inform_seconds)


async def test_what_happens_is_told_at_each_phase_and_signed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    async with WebhookReceiver() as endpoint, responder(endpoint.url, secret_file=tmp_path / "secret") as webhook:
        errand = an_errand(drain=DrainState.DRAINED, others=(an_event("E2"),))
        await webhook.prepare(errand)
        await webhook.drained(errand)
        await webhook.failed(errand, "the deadline came first")
        await webhook.resume(errand)
    told = [Webhook(SECRET).verify(each.body, each.headers) for each in endpoint.posted]
    assert [each["type"].rpartition(".")[2] for each in told] == ["prepare", "drained", "failed", "resume"]
    assert [each["data"]["why"] for each in told] == ["", "", "the deadline came first", ""]
    assert (told[1]["data"]["drain"], told[1]["data"]["others"]) == ("drained", ["E2"])
    assert told[0]["data"]["event"]["notBefore"] == told[0]["data"]["deadline"] == "2026-04-20T12:05:00Z"
    assert len({each.headers["webhook-id"] for each in endpoint.posted}) == 4


async def test_the_same_news_has_the_same_id_at_each_attempt() -> None:
    async with WebhookReceiver(503, 429, 200) as endpoint, responder(endpoint.url, required=True) as webhook:
        await webhook.prepare(an_errand())
    assert len(endpoint.posted) == 3
    assert len({each.headers["webhook-id"] for each in endpoint.posted}) == 1


@pytest.mark.parametrize("status", [302, 400, 404])
async def test_a_message_that_is_refused_is_not_sent_again_or_elsewhere(status: int) -> None:
    async with WebhookReceiver(status) as endpoint, responder(endpoint.url, required=True) as webhook:
        with pytest.raises(ResponderError, match=f"^http://127.0.0.1: it answers {status}") as fault:
            await webhook.prepare(an_errand())
    assert "a-secret-path" not in str(fault.value)
    assert [each.path for each in endpoint.posted] == ["/hooks/a-secret-path"]


async def test_a_webhook_that_only_informs_holds_nothing_up_for_long() -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    async with responder(nobody, inform_seconds=0.05) as webhook:
        with pytest.raises(UnheardError, match=r"tried for 0\.05 s"):
            await webhook.prepare(an_errand())


async def test_every_address_is_told_though_one_of_them_refuses() -> None:
    async with WebhookReceiver(410) as deaf, WebhookReceiver() as other, responder(deaf.url, other.url) as webhook:
        with pytest.raises(UnheardError, match="it answers 410"):
            await webhook.resume(an_errand())
        assert len(other.posted) == 1


async def test_a_template_says_it_in_the_words_of_the_receiver(tmp_path: Path) -> None:
    template = {"text": "${event.type} of ${host}: ${event.description} ($$${why})", "n": [1, {"at": "${deadline}"}]}
    (tmp_path / "template.json").write_text(json.dumps(template))
    errand = an_errand(an_event(description='a "quoted" ${host}'))
    template_file = tmp_path / "template.json"
    async with WebhookReceiver() as endpoint, responder(endpoint.url, template_file=template_file) as webhook:
        await webhook.failed(errand, "late")
    assert json.loads(endpoint.posted[0].body) == {
        "text": 'Reboot of db-0: a "quoted" ${host} ($late)',
        "n": [1, {"at": "2026-04-20T12:05:00Z"}],
    }


async def test_only_the_phases_and_types_that_are_set_are_told() -> None:
    only: dict[str, Any] = {"phases": ("resume",), "events": ("reboot",)}
    async with WebhookReceiver() as endpoint, responder(endpoint.url, **only) as webhook:
        assert (webhook.concerns(an_event()), webhook.concerns(an_event(type="Freeze"))) == (True, False)
        await webhook.prepare(an_errand())
        await webhook.resume(an_errand())
    assert [json.loads(each.body)["data"]["phase"] for each in endpoint.posted] == ["resume"]


async def test_a_secret_that_is_gone_fails_and_does_not_send_unsigned(tmp_path: Path) -> None:
    async with WebhookReceiver() as endpoint, responder(endpoint.url, secret_file=tmp_path / "gone") as webhook:
        with pytest.raises(UnheardError, match="gone cannot be used"):
            await webhook.prepare(an_errand())
    assert endpoint.posted == []


async def test_a_webhook_that_is_required_and_cannot_sign_holds_the_approval(tmp_path: Path) -> None:
    async with responder("http://127.0.0.1/", secret_file=tmp_path / "gone", required=True) as webhook:
        with pytest.raises(ResponderError, match="gone cannot be used") as fault:
            await webhook.prepare(an_errand())
    assert not isinstance(fault.value, UnheardError)


async def test_the_environments_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with WebhookReceiver() as endpoint, responder(endpoint.url, required=True) as webhook:
        await webhook.prepare(an_errand())
    assert len(endpoint.posted) == 1
