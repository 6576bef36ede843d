"""`leeward top`: hosts, events and jobs, live in the terminal."""

import os
import sys
from typing import TYPE_CHECKING

import click

from services.client.command import Command, Target, pass_target
from services.client.output import plain_lines, show_document

if TYPE_CHECKING:
    from services.client.api.client import Client
    from services.client.top.board import Board

_DUMB = ("", "dumb", "unknown")


@click.command(cls=Command, see=("leeward watch", "leeward host list --watch"))
@click.option("--jobs", "most_jobs", type=click.IntRange(1), default=200, help="At most so many jobs [default: 200].")
@click.option("--once", is_flag=True, help="Print how it is now, and end.")
@pass_target
def top(target: Target, most_jobs: int, *, once: bool) -> None:
    """Show hosts, events and jobs, live; q ends it.

    p holds everything still, tab goes to the next pane, s sorts it by something else, arrows scroll. Where there is no
    terminal, or a dumb one, everything is printed once.

    \b
    leeward top
    leeward top --once
    leeward top --once --output json
    """
    once = once or not target.shape.is_for_people or not _is_terminal()
    target.ask(lambda client: _once(client, target, most_jobs) if once else _live(client, target, most_jobs))


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in _DUMB


async def _filled(client: "Client", most_jobs: int) -> "Board":
    from services.client.top.board import Board
    from services.client.top.program import fetch

    board = Board()
    board.fill(await fetch(client, most_jobs))
    return board


async def _live(client: "Client", target: Target, most_jobs: int) -> None:
    from services.client.top.program import Top

    # Asked before the screen is taken: what goes wrong is said where it can be read.
    board = await _filled(client, most_jobs)
    await Top(client, board, url=target.url, most_jobs=most_jobs).run()


async def _once(client: "Client", target: Target, most_jobs: int) -> None:
    from services.client.top.columns import COLUMNS
    from services.client.top.program import last_news

    board = await _filled(client, most_jobs)
    for job, news in (await last_news(client, board.visible_jobs(most_jobs))).items():
        board.hear(job, news)
    if not target.shape.is_for_people:
        show_document({name.value: list(pane.sorted()) for name, pane in board.panes.items()}, target.shape)
        return
    for name, pane in board.panes.items():
        click.echo(f"{name.value.upper()}  {len(pane.rows)}")
        for line in plain_lines(pane.sorted(), COLUMNS[name]) if pane.rows else ():
            click.echo(line)
        click.echo()
