"""Takes a web server out of its load balancer while Leeward empties the host: python load_balancer.py web-0 /run/out

As long as the file is there, the server's health check should answer 503. What counts is the retained drains of the
host, not news of them, so that nothing is lost while this program, the broker or the scheduler is away.
"""

import asyncio
import sys
from pathlib import Path

import aiomqtt
from broker import PREFIX, QOS, stay_connected

QUIET_SECONDS = 3.0
"""So long nothing more must come before "no drain" is believed: retained messages take a moment."""


class Door:
    """The file that keeps the balancer away."""

    def __init__(self, file: Path) -> None:
        """Leave the file as it is."""
        self._file = file

    def close(self, why: str) -> None:
        """Take the server out."""
        if not self._file.exists():
            self._file.write_text(f"{why}\n")
            print(f"out: {why}", flush=True)

    def open(self) -> None:
        """Take the server in again."""
        if self._file.exists():
            self._file.unlink()
            print("in again", flush=True)


async def follow(client: aiomqtt.Client, host: str, door: Door) -> None:
    """Keep the door as the drains say, while the connection lasts; without one it stays as it is."""
    loop = asyncio.get_running_loop()
    drains: set[str] = set()
    opening = loop.call_later(QUIET_SECONDS, door.open)
    try:
        await client.subscribe(f"{PREFIX}/hosts/{host}/drains/+", qos=QOS)
        async for message in client.messages:
            opening.cancel()
            event_id = str(message.topic).rpartition("/")[2]
            if message.payload:
                drains.add(event_id)
                door.close(f"{host} is emptied for event {event_id}")
            else:
                drains.discard(event_id)
            if not drains:
                opening = loop.call_later(QUIET_SECONDS, door.open)
    finally:
        opening.cancel()


if __name__ == "__main__":
    host, file = sys.argv[1], Path(sys.argv[2])
    asyncio.run(stay_connected(lambda client: follow(client, host, Door(file))))
