"""What `leeward up` writes on the terminal: plain lines, coloured only where there is a terminal."""

from datetime import datetime
from enum import StrEnum

import click


class Tone(StrEnum):
    """What kind of line it is; decides its colour and nothing else."""

    EVENT = "event"
    HOST = "host"
    JOB = "job"
    QUIET = "quiet"
    ALARM = "alarm"


_COLOURS = {Tone.EVENT: "yellow", Tone.HOST: "cyan", Tone.JOB: "green", Tone.ALARM: "red"}


class Screen:
    """Writes to stdout; click drops the colours when that is no terminal."""

    def say(self, text: str = "", *, strong: bool = False) -> None:
        """Write lines as they are."""
        click.echo(click.style(text, bold=True) if strong else text)

    def tell(self, at: datetime, tone: Tone, text: str) -> None:
        """Write one line of the story, with its time of day in UTC."""
        colour = _COLOURS.get(tone)
        body = (
            click.style(text, fg=colour, bold=tone in (Tone.EVENT, Tone.ALARM))
            if colour
            else click.style(text, dim=True)
        )
        click.echo(f"{click.style(at.strftime('%H:%M:%S'), dim=True)}  {body}")
