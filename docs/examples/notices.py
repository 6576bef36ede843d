"""Prints what happens to hosts: one line for each announcement, change, start and end of an event.

python notices.py; it has a session of its own, so that the broker keeps the news for it while it is away for an hour.
"""

import asyncio
import json

import aiomqtt
from broker import PREFIX, QOS, stay_connected
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
SESSION.SessionExpiryInterval = 3600


async def listen(client: aiomqtt.Client) -> None:
    """Print each piece of news once: a repeat has the same id."""
    await client.subscribe(f"{PREFIX}/notices/+/+", qos=QOS)
    async for message in client.messages:
        news = json.loads(message.payload)
        if (key := (news["source"], news["id"])) not in told:
            told[key] = None
            event, what = news["data"]["event"], news["type"].rpartition(".")[2]
            when = event["notBefore"] or "now"
            print(f"{news['time']} {news['subject']}: {event['type']} {what}, not before {when}", flush=True)


told: dict[tuple[str, str], None] = {}
if __name__ == "__main__":
    asyncio.run(stay_connected(listen, identifier="leeward-notices", clean_start=False, properties=SESSION))
