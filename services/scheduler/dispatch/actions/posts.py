"""Puts a message into a queue of Azure's by one POST, and reads what it answers."""

import html
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from services.scheduler.dispatch.actions.delivery import UndeliveredError, told
from services.scheduler.dispatch.actions.exchange import Exchanges, Reply
from services.scheduler.dispatch.actions.retry_after import read_retry_after
from shared.clock import Clock

_CREATED = 201
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>")
_EXPLANATION = re.compile(r"<(Message|Detail)>(.{1,4096}?)</\1>", re.DOTALL)


class Posts:
    """POST requests over a pool of guarded connections. Use it as a context manager."""

    def __init__(self, exchanges: Exchanges, clock: Clock) -> None:
        """`clock` dates what `Retry-After` asks for."""
        self._exchanges = exchanges
        self._clock = clock

    async def __aenter__(self) -> Self:
        """Open the pool of connections."""
        await self._exchanges.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._exchanges.__aexit__(kind, error, trace)

    async def post(
        self,
        uri: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        secrets: tuple[str, ...],
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Send a message and return once it was taken (201).

        Raises UndeliveredError for every other answer, and what `Exchanges.ask` raises. `secrets` are never told of.
        """
        reply = await self._exchanges.ask("POST", uri, headers, body, on_sent=on_sent)
        if reply.status != _CREATED:
            raise UndeliveredError(
                explanation(reply, *secrets),
                retryable=may_pass(reply),
                retry_after=read_retry_after(reply.headers.get("Retry-After"), self._clock.now()),
            )


def may_pass(reply: Reply) -> bool:
    """Whether the same message may be taken later: overload, a full queue, the service's own trouble.

    Service Bus says 403 of a full queue as of a message that is too large; only the former has a quota in its words.
    """
    if reply.status == 403:
        return b"quota" in reply.body.lower() and b"too large" not in reply.body.lower()
    return reply.status in (408, 429) or reply.status >= 500


def explanation(reply: Reply, *secrets: str) -> str:
    """Return status, code and the first line of the explanation, as Azure's XML has them, without a secret."""
    text = reply.body.decode("utf-8", errors="replace")
    code, words = _CODE.search(text), _EXPLANATION.search(text)
    # Service Bus repeats the status as the code.
    name = reply.headers.get("x-ms-error-code") or (code[1] if code and not code[1].isdigit() else reply.reason)
    said = html.unescape(words[2]) if words else ""
    status = f"{reply.status} {told(name, *secrets)}".strip()
    return f"{status}: {line}" if (line := told(said, *secrets)) else status
