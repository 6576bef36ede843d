"""Flags that say what a job does, and where secrets are read from."""

import base64
from pathlib import Path
from typing import Any

import click
import pytest

from services.client.action_flags import ACTION_OPTIONS, ActionFlags
from services.client.action_options import action_document
from tests.parts.pfx import a_pfx


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text("hush\n")
    return str(file)


def test_a_user_name_means_basic_authentication(secret: str) -> None:
    flags = ActionFlags(uri="https://a/", username="me", password_file=secret, webhook_secret_file=secret)
    assert action_document(flags) == {
        "request": {
            "uri": "https://a/",
            "authentication": {"type": "Basic", "username": "me", "password": "hush"},
            "webhookSecret": "hush",
        }
    }


def test_a_certificate_is_sent_in_base64_whichever_way_it_is_stored(tmp_path: Path, secret: str) -> None:
    pfx = a_pfx()
    (tmp_path / "raw.pfx").write_bytes(base64.b64decode(pfx))
    (tmp_path / "text.pfx").write_text(f"{pfx[:40]}\n{pfx[40:]}\n")
    for name in ("raw.pfx", "text.pfx"):
        flags = ActionFlags(pfx_file=str(tmp_path / name), pfx_password_file=secret)
        wanted = {"type": "ClientCertificate", "pfx": pfx, "password": "hush"}
        assert action_document(flags) == {"request": {"authentication": wanted}}


def test_a_client_gets_its_token_by_oauth(secret: str) -> None:
    flags = ActionFlags(tenant="t", client_id="c", client_secret_file=secret, audience="a")
    wanted = {"type": "ActiveDirectoryOAuth", "tenant": "t", "clientId": "c", "secret": "hush", "audience": "a"}
    assert action_document(flags) == {"request": {"authentication": wanted}}


def test_where_a_message_goes_says_what_kind_of_action_it_is(secret: str) -> None:
    to_storage = ActionFlags(storage_account="a", queue="q", sas_file=secret, message="m")
    assert action_document(to_storage) == {
        "type": "StorageQueue",
        "queueMessage": {"storageAccount": "a", "queueName": "q", "sasToken": "hush", "message": "m"},
    }
    bus: dict[str, Any] = {"namespace": "n", "key_name": "k", "key_file": secret, "properties": ("a=b",)}
    message = {
        "namespace": "n",
        "authentication": {"sasKeyName": "k", "sasKey": "hush"},
        "customMessageProperties": {"a": "b"},
    }
    assert action_document(ActionFlags(queue="q", **bus)) == {
        "type": "ServiceBusQueue",
        "serviceBusQueueMessage": {**message, "queueName": "q"},
    }
    assert action_document(ActionFlags(topic="t", transport="AMQP", **bus)) == {
        "type": "ServiceBusTopic",
        "serviceBusTopicMessage": {**message, "topicPath": "t", "transportType": "AMQP"},
    }
    published = ActionFlags(topic="t", message="m", qos=0, retain=True, properties=("a=b",))
    assert action_document(published) == {
        "type": "Mqtt",
        "mqttMessage": {"topic": "t", "payload": "m", "qos": 0, "retain": True, "userProperties": {"a": "b"}},
    }


def test_secrets_come_from_variables_and_references_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "hush")
    for source, text in (("env:MY_PASSWORD", "hush"), ("secretref:file:db", "secretref:file:db")):
        flags = ActionFlags(username="me", password_file=source)
        assert action_document(flags)["request"]["authentication"]["password"] == text


@pytest.mark.parametrize(
    "flags",
    [
        ActionFlags(uri="http://a/", topic="t"),
        ActionFlags(username="me", tenant="t"),
        ActionFlags(message="m"),
        ActionFlags(queue="q"),
        ActionFlags(qos=1),
        ActionFlags(namespace="n"),
        ActionFlags(namespace="n", queue="q", topic="t"),
        ActionFlags(username="me", password_file="env:NOT_THERE"),
        ActionFlags(username="me", password_file="/not/there"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: ActionFlags) -> None:
    with pytest.raises(click.UsageError):
        action_document(flags)


def test_no_secret_may_stand_on_the_command_line() -> None:
    def bare() -> None: ...

    names = {one.name for option in ACTION_OPTIONS for one in option(bare).__click_params__}
    assert not names & {
        "password",
        "pfx",
        "secret",
        "client_secret",
        "sas",
        "sas_token",
        "key",
        "sas_key",
        "webhook_secret",
    }
    assert {name for name in names if name.endswith("_file")} == {
        "password_file",
        "pfx_file",
        "pfx_password_file",
        "client_secret_file",
        "webhook_secret_file",
        "sas_file",
        "key_file",
    }
