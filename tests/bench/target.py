"""A recording target that costs little: answers with an empty 200, notes what came when and was due when.

`python -m tests.bench.target --port N`. `GET /report?since=S&until=S` (seconds since 1970) answers with what it saw,
`GET /count` with how many requests it has noted, `GET /forget` forgets them. With `--hang` it never answers.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import cast
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
import uvloop

from tests.bench.calls import DUE

Hit = tuple[float, bytes, bytes]
"""Arrival, due instant and path of a request."""
_DUE = f"{DUE}: ".encode()
_DUE_LENGTH = len("2026-01-01T00:00:00.000Z")
_BACKLOG = 1024
"""Connections that may wait: a herd opens 150 at once, and one that finds no room comes back a second later."""
_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What came in a window of time, in seconds.

    `arrived` counts requests by arrival, `lateness` holds one sorted entry per request due in the window, `lasts` the
    lateness of the last request of each due instant, `first` and `latest` when the first and the last request of all
    came, `doubled` how many came again for the same job and instant.
    """

    arrived: int
    lateness: list[float]
    lasts: list[float]
    first: float
    latest: float
    doubled: int


def seen(hits: list[Hit], since: float, until: float) -> Seen:
    """Return what a window shows of requests; what came twice is late only once."""
    dated = [(at, datetime.fromisoformat(due.decode()).timestamp(), path) for at, due, path in hits if due]
    own = Counter((due, path) for _, due, path in dated if since <= due < until)
    lateness: dict[tuple[float, bytes], float] = {}
    lasts: dict[float, float] = {}
    for at, due, path in dated:
        if since <= due < until:
            lateness.setdefault((due, path), at - due)
            lasts[due] = max(at - due, lasts.get(due, 0.0))
    return Seen(
        arrived=sum(since <= at < until for at, _, _ in dated),
        lateness=sorted(lateness.values()),
        lasts=[lasts[due] for due in sorted(lasts)],
        first=min((at for at, _, _ in dated), default=0.0),
        latest=max((at for at, _, _ in dated), default=0.0),
        doubled=own.total() - len(own),
    )


class Target(asyncio.Protocol):
    """One connection: requests without bodies, one after the other, parsed no further than needed."""

    def __init__(self, hits: list[Hit]) -> None:
        self._hits = hits
        self._rest = b""
        self._asked: dict[bytes, Callable[[bytes], bytes]] = {
            b"/report": self._report,
            b"/count": lambda _: b"%d" % len(self._hits),
            b"/forget": self._forget,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        # A stream's transport; uvloop's is no subclass of the standard one.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._rest += data
        while (end := self._rest.find(_END)) >= 0:
            request, self._rest = self._rest[:end], self._rest[end + len(_END) :]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        path = request[4 : request.find(b" ", 4)]
        at = request.find(_DUE)
        if at >= 0:
            at += len(_DUE)
            self._hits.append((time.time(), request[at : at + _DUE_LENGTH], path))
            self._transport.write(_OK)
            return
        body = self._asked[path.partition(b"?")[0]](path)
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _report(self, path: bytes) -> bytes:
        """Say what a window shows; what came before it is forgotten."""
        query = parse_qs(urlsplit(path.decode()).query)
        since, until = float(query["since"][0]), float(query["until"][0])
        body = msgspec.json.encode(seen(self._hits, since, until))
        self._hits[:] = [hit for hit in self._hits if hit[0] >= since]
        return body

    def _forget(self, _: bytes) -> bytes:
        self._hits.clear()
        return b""


class Silence(asyncio.Protocol):
    """One connection on which nothing is ever said."""


async def _serve(host: str, port: int, *, hang: bool) -> None:
    hits: list[Hit] = []
    kind = Silence if hang else lambda: Target(hits)
    server = await asyncio.get_running_loop().create_server(kind, host, port, backlog=_BACKLOG)
    await server.serve_forever()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True)
@click.option("--hang", is_flag=True, help="Accept requests and never answer.")
def main(host: str, port: int, hang: bool) -> None:
    """Listen until killed."""
    uvloop.run(_serve(host, port, hang=hang))


if __name__ == "__main__":
    main()
