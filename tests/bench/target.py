"""A recording target that costs little: answers each request with an empty 200, notes when it came and was due.

`python -m tests.bench.target --port N`. `GET /report?since=S&until=S` (seconds since 1970) answers with what it saw.
"""

import asyncio
import time
from datetime import datetime
from typing import cast
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
import uvloop

DUE = "x-leeward-scheduled-time"
_DUE = f"{DUE}: ".encode()
_DUE_LENGTH = len("2026-01-01T00:00:00.000Z")
_BACKLOG = 1024
"""Connections that may wait: a herd opens 150 at once, and one that finds no room comes back a second later."""
_END = b"\r\n\r\n"
_REPORT = b"GET /report?"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What came in a window of time, in seconds.

    `arrived` counts requests by arrival, `lateness` holds one sorted entry per request due in the window, `lasts` the
    lateness of the last request of each due instant, `latest` when the last request of all came.
    """

    arrived: int
    lateness: list[float]
    lasts: list[float]
    latest: float


def seen(hits: list[tuple[float, bytes]], since: float, until: float) -> Seen:
    """Return what a window shows of requests, noted as arrival and due instant."""
    dated = [(at, datetime.fromisoformat(due.decode()).timestamp()) for at, due in hits if due]
    lasts: dict[float, float] = {}
    for at, due in dated:
        if since <= due < until:
            lasts[due] = max(at - due, lasts.get(due, 0.0))
    return Seen(
        arrived=sum(since <= at < until for at, _ in dated),
        lateness=sorted(at - due for at, due in dated if since <= due < until),
        lasts=[lasts[due] for due in sorted(lasts)],
        latest=max((at for at, _ in dated), default=0.0),
    )


class Target(asyncio.Protocol):
    """One connection: requests without bodies, one after the other, parsed no further than needed."""

    def __init__(self, hits: list[tuple[float, bytes]]) -> None:
        self._hits = hits
        self._rest = b""

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
        if request.startswith(_REPORT):
            self._transport.write(self._report(request))
            return
        at = request.find(_DUE) + len(_DUE)
        self._hits.append((time.time(), request[at : at + _DUE_LENGTH]))
        self._transport.write(_OK)

    def _report(self, request: bytes) -> bytes:
        """Say what a window shows; what came before it is forgotten."""
        query = parse_qs(urlsplit(request.split(b" ", 2)[1].decode()).query)
        since, until = float(query["since"][0]), float(query["until"][0])
        body = msgspec.json.encode(seen(self._hits, since, until))
        self._hits[:] = [hit for hit in self._hits if hit[0] >= since]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _serve(port: int) -> None:
    hits: list[tuple[float, bytes]] = []
    server = await asyncio.get_running_loop().create_server(lambda: Target(hits), "127.0.0.1", port, backlog=_BACKLOG)
    await server.serve_forever()


@click.command()
@click.option("--port", type=int, required=True)
def main(port: int) -> None:
    """Listen until killed."""
    uvloop.run(_serve(port))


if __name__ == "__main__":
    main()
