"""Runs a command, and has approvals for a host wait as long: python hold_back.py db-0 nightly-copy rsync -a /data /copy

Leeward then lets Azure start no event of this host early. What Azure starts by itself, at NotBefore, nobody stops.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

import aiomqtt
from broker import PREFIX, QOS, client

AT_MOST = timedelta(hours=4)
"""The block ends by itself after that, should this program not live to clear it."""
ECHO_SECONDS = 5


async def hold_back(host: str, name: str, command: list[str]) -> int:
    """Return the exit code of the command, which ran behind a block."""
    topic = f"{PREFIX}/hosts/{host}/blocks/{name}"
    until = (datetime.now(UTC) + AT_MOST).isoformat()
    block = json.dumps({"reason": f"{name} runs", "until": until})
    try:
        await place(topic, block)
        process = await asyncio.create_subprocess_exec(*command)
        return await process.wait()
    finally:
        # A connection of its own: one that is open for hours may be lost.
        async with client() as connection:
            await connection.publish(topic, b"", qos=QOS, retain=True)


async def place(topic: str, block: str) -> None:
    """Publish the block and hear it back: a broker may take what its access list forbids, and drop it."""
    async with client() as connection:
        await connection.subscribe(topic, qos=QOS)
        await connection.publish(topic, block, qos=QOS, retain=True)
        async with asyncio.timeout(ECHO_SECONDS):
            async for message in connection.messages:
                if message.payload == block.encode():
                    return


def main(arguments: list[str]) -> int:
    """Run the command line."""
    if len(arguments) < 3:
        sys.stderr.write("usage: hold_back.py HOST NAME COMMAND [ARGUMENT …]\n")
        return 2
    host, name, *command = arguments
    try:
        return asyncio.run(hold_back(host, name, command))
    except (aiomqtt.MqttError, TimeoutError) as fault:
        sys.stderr.write(f"{name} not run or not cleared, is {host} this user's to block? {fault}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
