"""Storage queue actions: Put Message of Azure's REST protocol, with a SAS token.

https://learn.microsoft.com/rest/api/storageservices/put-message
"""

import re
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from services.scheduler.dispatch.actions.delivery import answer_of
from services.scheduler.dispatch.actions.opening import open_secret
from services.scheduler.dispatch.actions.posts import Posts
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import StorageQueueCall
from services.scheduler.domain.endpoints import Endpoint
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.queue_texts import check_text, sas_token
from services.scheduler.domain.secrets import SecretKeeper

API_VERSION = "2019-02-02"
"""Old enough for every cloud; Put Message has not changed since."""
_QUEUE = re.compile(r"[A-Za-z0-9$][A-Za-z0-9_-]{0,62}", re.ASCII)


class StorageQueueCaller:
    """Puts messages into storage queues. Use it as a context manager."""

    def __init__(self, posts: Posts, endpoint: Endpoint, keeper: SecretKeeper) -> None:
        """`endpoint` tells where an account's queues are."""
        self._posts = posts
        self._endpoint = endpoint
        self._keeper = keeper

    async def __aenter__(self) -> Self:
        """Open the pool of connections."""
        await self._posts.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._posts.__aexit__(kind, error, trace)

    async def call(
        self,
        call: StorageQueueCall,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Put the message and return what came of it; words and quotes as in reference azure-scheduler §1.9."""
        sentence = f"StorageQueue Action - Message to storage account '{call.account}' queue '{call.queue}'"
        return await answer_of(self._put(call, job, occurrence, on_sent), sentence)

    def target(self, call: StorageQueueCall, host: HostView | None) -> str:
        """Return the address of the account."""
        return self._endpoint.target(call.account)

    async def _put(self, call: StorageQueueCall, job: Job, occurrence: Occurrence, on_sent: Callable[[], None]) -> None:
        token = _token(open_secret(self._keeper, call.sas, "sasToken", call, job, occurrence))
        if _QUEUE.fullmatch(call.queue) is None:
            raise ValueError(f"{call.queue!r} can be no queue's name: use letters, digits and hyphens, up to 63")
        uri = f"{self._endpoint.at(call.account)}/{quote(call.queue, safe='')}/messages?{token}"
        headers = {
            "Accept": "application/xml",
            "Content-Type": "application/xml",
            "x-ms-version": API_VERSION,
            "x-ms-client-request-id": occurrence.id,
        }
        secrets = (token, *_signatures(token))
        await self._posts.post(uri, headers, document(call.message), secrets=secrets, on_sent=on_sent)


def document(message: str) -> bytes:
    """Return the body of Put Message: the text as it is, not in base64, which is up to reader and writer.

    Raises ValueError for characters that XML cannot hold.
    """
    try:
        check_text(message)
    except ValueError as fault:
        raise ValueError(f"the message {fault}") from None
    # A bare carriage return would be read as a line feed (XML 1.0 §2.11).
    text = escape(message, {"\r": "&#13;"})
    return (
        f'<?xml version="1.0" encoding="utf-8"?><QueueMessage><MessageText>{text}</MessageText></QueueMessage>'.encode()
    )


def _token(text: str) -> str:
    """Return a token that may come from a file, which nobody has looked at before."""
    try:
        return sas_token(text)
    except ValueError as fault:
        raise ValueError(f"sasToken {fault}") from None


def _signatures(token: str) -> list[str]:
    signatures = [part.removeprefix("sig=") for part in token.split("&") if part.startswith("sig=")]
    return [*signatures, *map(unquote, signatures)]
