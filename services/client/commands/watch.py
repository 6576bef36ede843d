"""`leeward watch`: what happens, as it happens, in plain words."""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Any

import click
import msgspec

from services.client.command import Command, Target, pass_target
from services.client.connection import Connection
from services.client.errors import NotReachableError
from services.client.output import Format
from shared.retry import Backoff


@click.command(cls=Command)
@click.option("--limit", type=click.IntRange(1), help="End after so many lines.")
@pass_target
def watch(target: Target, limit: int | None) -> None:
    """Print what happens to hosts, events and jobs, until Ctrl-C.

    With --output json each line is one document.
    """
    target.ask(lambda connection: _Watch(connection, target.shape, limit).run())


class _Watch:
    def __init__(self, connection: Connection, shape: Format, limit: int | None) -> None:
        self._connection = connection
        self._shape = shape
        self._left = limit
        self._waits = Backoff(first=0.5, limit=10)
        self._heard = False

    async def run(self) -> None:
        """Follow the stream; take it up again when it ends, unless there never was one."""
        while self._left != 0:
            try:
                await self._follow()
            except NotReachableError as fault:
                if not self._heard:
                    raise
                click.echo(fault.format_message(), err=True)
            if self._left != 0:
                await asyncio.sleep(self._waits.next())

    async def _follow(self) -> None:
        async with aclosing(self._connection.follow()) as updates:
            async for update in updates:
                self._heard = True
                self._waits.reset()
                click.echo(_line(update, self._shape))
                if self._left is not None:
                    self._left -= 1
                    if self._left == 0:
                        return


def _line(update: dict[str, Any], shape: Format) -> str:
    if shape is not Format.TABLE:
        return msgspec.json.encode(update).decode()
    at = datetime.fromisoformat(update["at"]).astimezone()
    return f"{at:%H:%M:%S}  {update['summary']}"
