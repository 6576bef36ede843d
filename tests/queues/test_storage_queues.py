"""Storage queue actions against Azurite; Microsoft's own client makes the tokens and reads the messages."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.queue import QueueClient
from msgspec.structs import replace

from services.scheduler.dispatch.actions.storage_queue import StorageQueueCaller
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.domain.actions import StorageQueueCall
from services.scheduler.domain.endpoints import Endpoint
from tests.parts.azurite import ACCOUNT, Azurite
from tests.parts.raw_server import Exchange, answer_ok, raw_server
from tests.parts.speaking import KEEPER, attempt, cancel, posts, text

SCHEMES = ("https", "http")


@pytest.fixture
async def caller(azurite: Azurite) -> AsyncIterator[StorageQueueCaller]:
    """The real speaker, pointed at the emulator."""
    async with StorageQueueCaller(posts(), Endpoint.read(azurite.endpoint, "account", SCHEMES), KEEPER) as opened:
        yield opened


@pytest.fixture
def queue(azurite: Azurite) -> Iterator[QueueClient]:
    """An empty queue, as Microsoft's client sees it."""
    with azurite.client() as service:
        yield service.create_queue(f"queue-{uuid4().hex}")


def put(queue: str, sas: str, message: str = "hello") -> StorageQueueCall:
    """Return a call that puts a message into a queue."""
    return StorageQueueCall(account=ACCOUNT, queue=queue, sas=text(sas), message=message)


def received(queue: QueueClient) -> list[str]:
    """Return the messages in a queue."""
    return [message.content for message in queue.receive_messages()]


@pytest.mark.parametrize("mark", ["", "?"])
async def test_a_message_arrives_as_it_was_written(
    caller: StorageQueueCaller, azurite: Azurite, queue: QueueClient, mark: str
) -> None:
    message = 'grüße <b>&amp; "quotes"</b> 漢字 🌬 \ttabs\nand lines'
    answer = await attempt(caller, put(queue.queue_name, mark + azurite.sas(), message))
    assert answer.succeeded
    assert answer.message == (
        f"StorageQueue Action - Message to storage account '{ACCOUNT}' queue '{queue.queue_name}' succeeded."
    )
    assert received(queue) == [message]


async def test_a_token_may_be_used_for_an_error_action(
    caller: StorageQueueCaller, azurite: Azurite, queue: QueueClient
) -> None:
    answer = await attempt(caller, put(queue.queue_name, azurite.sas()), error_action=True)
    assert (answer.succeeded, received(queue)) == (True, ["hello"])


async def test_a_token_may_be_used_for_a_cancel_request(
    caller: StorageQueueCaller, azurite: Azurite, queue: QueueClient
) -> None:
    sent: list[str] = []
    answer = await cancel(caller, put(queue.queue_name, azurite.sas(), "stop"), on_sent=lambda: sent.append("it"))
    assert (answer.succeeded, received(queue), sent) == (True, ["stop"], ["it"])


async def test_a_queue_that_is_not_there_is_a_final_failure(caller: StorageQueueCaller, azurite: Azurite) -> None:
    answer = await attempt(caller, put("nowhere", azurite.sas()))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert answer.message == (
        f"StorageQueue Action - Message to storage account '{ACCOUNT}' queue 'nowhere' failed: "
        "404 QueueNotFound: The specified queue does not exist."
    )


@pytest.mark.parametrize(
    ("permission", "lasts", "why"),
    [
        ("r", timedelta(hours=1), "403 AuthorizationPermissionMismatch"),
        ("a", timedelta(hours=-1), "403 AuthenticationFailed"),
    ],
)
async def test_a_token_that_does_not_allow_it_is_a_final_failure(
    caller: StorageQueueCaller, azurite: Azurite, queue: QueueClient, permission: str, lasts: timedelta, why: str
) -> None:
    sas = azurite.sas(permission, lasts=lasts)
    answer = await attempt(caller, put(queue.queue_name, sas))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert why in answer.message
    assert "sig=" not in answer.message
    assert received(queue) == []


async def test_a_token_signed_with_another_key_is_a_final_failure(
    caller: StorageQueueCaller, azurite: Azurite, queue: QueueClient
) -> None:
    forged = azurite.sas().replace("sig=", "sig=A")
    answer = await attempt(caller, put(queue.queue_name, forged))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "403 Auth" in answer.message
    assert forged not in answer.message


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "InvalidUri", False),
        (403, "AccountIsDisabled", False),
        (413, "RequestBodyTooLarge", False),
        (429, "TooManyRequests", True),
        (500, "OperationTimedOut", True),
        (503, "ServerBusy", True),
    ],
)
async def test_only_what_may_pass_is_tried_again(status: int, code: str, retryable: bool) -> None:
    async def refuse(exchange: Exchange) -> None:
        body = f"<Error><Code>{code}</Code><Message>Not &lt;now&gt;.\nRequestId:1</Message></Error>"
        head = f"HTTP/1.1 {status} No\r\nRetry-After: 7\r\nContent-Length: {len(body)}\r\n\r\n"
        await exchange.send(f"{head}{body}".encode())

    async with raw_server(refuse) as server:
        endpoint = Endpoint.read(f"{server.url}{{account}}", "account", SCHEMES)
        async with StorageQueueCaller(posts(), endpoint, KEEPER) as caller:
            answer = await attempt(caller, put("orders", "sp=a&sig=secret"))
    assert (answer.succeeded, answer.retryable, answer.retry_after) == (False, retryable, timedelta(seconds=7))
    assert answer.message.endswith(f"failed: {status} {code}: Not <now>.")
    assert server.exchanges[0].lines[0] == f"POST /{ACCOUNT}/orders/messages?sp=a&sig=secret HTTP/1.1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"message": "bell \a"}, "the message has the character U+0007"),
        ({"queue": "../other"}, "can be no queue's name"),
        ({"account": "evil.test/x"}, "can be no name here"),
        ({"account": "a@evil.test"}, "can be no name here"),
        ({"sas": text("not a token")}, "sasToken is no SAS token"),
        ({"sas": text("sp=a&sig=x\r\nHost: evil")}, "sasToken is no SAS token"),
        ({"sas": text("sp=a&sig=x#y")}, "sasToken is no SAS token"),
    ],
)
async def test_what_cannot_be_sent_goes_nowhere(change: dict[str, Any], why: str) -> None:
    async with raw_server(answer_ok) as server:
        endpoint = Endpoint.read(f"{server.url}{{account}}", "account", SCHEMES)
        async with StorageQueueCaller(posts(), endpoint, KEEPER) as caller:
            answer = await attempt(caller, replace(put("orders", "sp=a&sig=secret"), **change))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert why in answer.message
    assert "sig=" not in answer.message.partition("it looks like")[0]
    assert server.connections == 0


async def test_a_token_that_is_sent_back_is_not_told_of() -> None:
    async def echo(exchange: Exchange) -> None:
        body = f"<Error><Code>X</Code><Message>{exchange.lines[0]}</Message></Error>"
        await exchange.send(f"HTTP/1.1 400 {exchange.lines[0]}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    async with raw_server(echo) as server:
        endpoint = Endpoint.read(f"{server.url}{{account}}", "account", SCHEMES)
        async with StorageQueueCaller(posts(), endpoint, KEEPER) as caller:
            answer = await attempt(caller, put("orders", "sp=a&sig=se%2Fcret"))
    assert answer.message.endswith("failed: 400 X")


async def test_an_emulator_that_may_not_be_reached_gets_no_message(azurite: Azurite, queue: QueueClient) -> None:
    guard = TargetGuard(deny=("127.0.0.0/8",), allow=())
    endpoint = Endpoint.read(azurite.endpoint, "account", SCHEMES)
    async with StorageQueueCaller(posts(guard=guard), endpoint, KEEPER) as caller:
        answer = await attempt(caller, put(queue.queue_name, azurite.sas()))
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "denied" in answer.message
    assert received(queue) == []
