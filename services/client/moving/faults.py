"""Why a file cannot be read as jobs."""

from typing import ClassVar

import click


class MovingError(click.ClickException):
    """A file cannot be understood; the message names the place and what to do."""

    exit_code: ClassVar[int] = 2


class ExpressionError(MovingError):
    """A template expression that cannot be evaluated; the message names it."""

    def __init__(self, expression: str, why: str) -> None:
        super().__init__(f"{expression}: {why}")
