"""`leeward watch`: what happens, as it happens, in plain words."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import click
import msgspec

from services.client.command import Command, Target, pass_target
from services.client.forms import Format

if TYPE_CHECKING:
    from services.client.api.client import Client
    from services.client.api.model.fleet import Update


@click.command(cls=Command, see=("leeward host list --watch", "leeward job history --watch"))
@click.option("--limit", type=click.IntRange(1), help="End after so many lines.")
@pass_target
def watch(target: Target, limit: int | None) -> None:
    """Print what happens to hosts, events and jobs, until Ctrl-C.

    With --output json each line is one document. When the scheduler goes away it is waited for; what happens meanwhile
    is not heard.

    \b
    leeward watch
    leeward watch --limit 1 --output json
    """
    target.ask(lambda client: _follow(client, target.shape, limit))


async def _follow(client: "Client", shape: Format, limit: int | None) -> None:
    from services.client.api.model.fleet import Lost, Update

    left = limit
    async with aclosing(client.stream()) as heard:
        async for one in heard:
            if isinstance(one, Lost):
                click.echo(one.why, err=True)
            elif isinstance(one, Update):
                click.echo(_line(one, shape))
                left = None if left is None else left - 1
            if left == 0:
                return


def _line(update: "Update", shape: Format) -> str:
    if shape.is_document:
        return msgspec.json.encode(update).decode()
    return f"{update.at.astimezone():%H:%M:%S}  {update.summary}"
