"""Documents of every kind of action become calls with sealed secrets, and come back as they were, without them."""

from typing import Any

import msgspec
import pytest

from services.scheduler.api.certificates import pfx_files
from services.scheduler.api.schemas.action_writer import action_document
from services.scheduler.api.schemas.ground import Author, Certificate
from services.scheduler.api.schemas.job_reader import read_job
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.domain.actions import Action, ClientCertificate, HttpCall, ServiceBusCall
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionId, Namespace
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.limits import AZURE_LIMITS
from services.scheduler.domain.quotas import allowance
from services.scheduler.domain.secret_fields import secrets_of, with_secrets
from services.scheduler.domain.secrets import EnvironmentSecret, FileSecret, KeyId, SealedSecret
from services.scheduler.errors import InvalidInputError
from services.scheduler.vault.pfx_reader import Question, answer
from shared.topics import Topics
from tests.parts.every_action import ACTIONS, BUS, SECRET_FIELDS, SECRETS, http
from tests.parts.fakes_api import NOON
from tests.parts.pfx import EXPIRES
from tests.parts.secrets import PlainKeeper

COLLECTION = Collection(
    id=CollectionId(7),
    namespace=Namespace("sub", "rg"),
    name="demo",
    definition=CollectionDefinition(),
    created_at=NOON,
    updated_at=NOON,
)
KEEPER = PlainKeeper()
KINDS = [*ACTIONS]


def action_of(document: dict[str, Any], *, strict: bool = True, speaks_amqp: bool = True) -> Action:
    job = read({"action": document}, JobDocument, strict=strict)
    author = Author(
        collection=COLLECTION,
        job="Nightly",
        keeper=KEEPER,
        topics=Topics(),
        now=NOON,
        certificates=opened(job),
        speaks_amqp=speaks_amqp,
    )
    return read_job(job, allowance(COLLECTION.definition, AZURE_LIMITS), author, strict=strict).action


def opened(job: JobDocument) -> dict[str, Certificate]:
    told = {path: answer(Question(pfx=pfx)) for path, pfx in pfx_files(job).items()}
    return {path: one for path, one in told.items() if isinstance(one, Certificate)}


def shown(action: Action) -> dict[str, Any]:
    return to_builtins(action_document(action))


def without(document: dict[str, Any], *fields: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    for field in fields:
        *parents, last = field.split(".")
        place = plain
        for name in parents:
            place = place[name]
        del place[last]
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_each_secret_is_sealed_at_its_own_place(kind: str) -> None:
    action = action_of({**ACTIONS[kind], "errorAction": ACTIONS[kind]})
    held = list(secrets_of(action))
    wanted = [f"{path}.{name}" for path in ("action", "action.errorAction") for name in SECRET_FIELDS[kind]]
    assert sorted(one.field for one in held) == sorted(wanted)
    for one in held:
        assert KEEPER.open(one.secret, place_of(COLLECTION.id, "Nightly", one.field, one.call)) in SECRETS


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_comes_back_without_its_secrets(kind: str) -> None:
    reply = shown(action_of({**ACTIONS[kind], "errorAction": ACTIONS[kind]}))
    assert not [secret for secret in SECRETS if secret in str(reply)]
    sent = without(ACTIONS[kind], *SECRET_FIELDS[kind])
    assert reply.items() >= {"type": sent["type"]}.items()
    again = shown(action_of({**sent, **ACTIONS[kind], "errorAction": ACTIONS[kind]}))
    assert again == reply
    assert reply["errorAction"] == {name: value for name, value in reply.items() if name != "errorAction"}


def test_every_kind_may_be_another_ones_error_action() -> None:
    for main, other in zip(KINDS, [*KINDS[1:], KINDS[0]], strict=True):
        action = action_of({**ACTIONS[main], "errorAction": ACTIONS[other]})
        fields = {one.field for one in secrets_of(action)}
        assert {f"action.errorAction.{name}" for name in SECRET_FIELDS[other]} <= fields


def test_secrets_can_be_exchanged_one_by_one() -> None:
    action = action_of({**ACTIONS["certificate"], "errorAction": ACTIONS["bus topic"]})
    other = SealedSecret(key=KeyId("other"), box="")
    changed = with_secrets(action, lambda held: other if held.field.endswith("sasKey") else held.secret)
    assert changed != action
    assert [one.field for one in secrets_of(changed) if one.secret == other] == [
        "action.errorAction.serviceBusTopicMessage.authentication.sasKey"
    ]
    assert with_secrets(changed, lambda held: held.secret) == changed


def test_a_certificate_is_described_as_azure_did() -> None:
    action = action_of(ACTIONS["certificate"])
    assert isinstance(action.call, HttpCall)
    assert isinstance(action.call.authentication, ClientCertificate)
    reply = shown(action)["request"]["authentication"]
    assert reply == {
        "type": "ClientCertificate",
        "certificateThumbprint": action.call.authentication.thumbprint,
        "certificateSubjectName": "CN=leeward-test",
        "certificateExpirationDate": "2030-01-31T12:00:00Z",
        "certificateExpiration": "2030-01-31T12:00:00Z",
    }
    assert action.call.authentication.expires_at == EXPIRES


def test_the_type_may_be_left_out_and_is_echoed_as_it_was_written() -> None:
    queue = ACTIONS["storage queue"]
    assert shown(action_of(without(queue, "type")))["type"] == "StorageQueue"
    assert shown(action_of({**queue, "type": "storagequeue"}))["type"] == "storagequeue"


def test_enumerations_are_read_in_any_case_and_written_as_recorded() -> None:
    authentication = {"type": "SHAREDACCESSKEY", "sasKeyName": "sender", "sasKey": "x"}
    message = {**BUS, "queueName": "orders", "transportType": "NETMESSAGING", "authentication": authentication}
    reply = shown(action_of({"type": "servicebusqueue", "serviceBusQueueMessage": message}))["serviceBusQueueMessage"]
    assert reply["transportType"] == "netMessaging"
    assert reply["authentication"] == {"type": "sharedAccessKey", "sasKeyName": "sender"}
    basic = shown(action_of(http({"type": "basic", "username": "me", "password": "x"})))
    assert basic["request"]["authentication"]["type"] == "Basic"


@pytest.mark.parametrize("length", ["PT1H", "01:00:00", "2026-03-02T13:00:00Z", "2026-03-02T14:00:00+01:00"])
def test_a_time_to_live_is_a_length_or_the_date_it_ends_at(length: str) -> None:
    message = {**BUS, "topicPath": "orders", "brokeredMessageProperties": {"timeToLive": length, "label": "a"}}
    action = action_of({"type": "ServiceBusTopic", "serviceBusTopicMessage": message})
    assert isinstance(action.call, ServiceBusCall)
    reply = shown(action)["serviceBusTopicMessage"]["brokeredMessageProperties"]
    assert reply == {"timeToLive": "PT1H", "label": "a"}


def test_authentication_of_no_type_is_none() -> None:
    assert "authentication" not in shown(action_of(http({"type": "NotSpecified"})))["request"]


def test_a_reference_stands_for_what_it_refers_to() -> None:
    pfx = {"type": "ClientCertificate", "pfx": "secretref:file:client.pfx", "password": "secretref:env:PFX"}
    action = action_of(http(pfx))
    kinds = {one.field.rpartition(".")[2]: type(one.secret) for one in secrets_of(action)}
    assert kinds == {"pfx": FileSecret, "password": EnvironmentSecret}
    assert shown(action)["request"]["authentication"] == {"type": "ClientCertificate"}


def test_arm_ignores_what_stands_beside_the_message_of_the_type() -> None:
    both = {**ACTIONS["storage queue"], "request": {"uri": "http://db-0/"}}
    assert "request" not in shown(action_of(both, strict=False))
    more = http({"type": "Basic", "username": "me", "password": "x", "clientId": "c"})
    assert shown(action_of(more, strict=False))["request"]["authentication"] == {"type": "Basic", "username": "me"}


def test_a_scheduler_that_cannot_speak_amqp_says_so_when_the_job_is_written() -> None:
    message = {**BUS, "queueName": "orders"}
    over_amqp = {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**message, "transportType": "AMQP"}}
    with pytest.raises(InvalidInputError, match=r"leeward\[amqp\].*NetMessaging") as refused:
        action_of(over_amqp, speaks_amqp=False)
    assert refused.value.field == "action.serviceBusQueueMessage.transportType"
    over_https = {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**message, "transportType": "NetMessaging"}}
    assert isinstance(action_of(over_https, speaks_amqp=False).call, ServiceBusCall)
