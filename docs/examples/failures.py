"""Writes a line for each execution that failed or was missed, to standard output: python failures.py >> failures.log

These are news, and the broker keeps none of them: what a subscriber did not hear is in the history of the job.
"""

import asyncio
import json

import aiomqtt
from broker import PREFIX, QOS, stay_connected

BAD = {"io.leeward.execution.failed", "io.leeward.execution.missed"}
LONGEST = 300
"""Characters of what a target answered."""


async def listen(client: aiomqtt.Client) -> None:
    """Write one line for each bad end."""
    await client.subscribe(f"{PREFIX}/executions/+/+", qos=QOS)
    async for message in client.messages:
        news = json.loads(message.payload)
        if news["type"] in BAD:
            execution = news["data"]
            what = news["type"].rpartition(".")[2]
            why = execution.get("message") or execution.get("reason") or "no reason told"
            place = f" on {execution['host']}" if execution.get("host") else ""
            attempt = f"{execution['occurrenceId']} attempt {execution['attempt']}"
            short = " ".join(why.split())[:LONGEST]
            print(f"{news['time']} {news['subject']} {what}{place} ({attempt}): {short}", flush=True)


if __name__ == "__main__":
    asyncio.run(stay_connected(listen))
