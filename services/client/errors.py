"""Why a command failed, each reason with its exit code (docs: `leeward --help`)."""

from typing import Any, ClassVar

import click

EXIT_CODES = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not reachable, 4 not found."


class RefusedError(click.ClickException):
    """The scheduler answered, and did not do it."""

    exit_code: ClassVar[int] = 1


class NotReachableError(click.ClickException):
    """Nobody answered, or it was no scheduler."""

    exit_code: ClassVar[int] = 3


class NotFoundError(click.ClickException):
    """What was named does not exist."""

    exit_code: ClassVar[int] = 4


class MovingError(click.ClickException):
    """A file to import cannot be understood; the message names the place and what to do."""

    exit_code: ClassVar[int] = 2


class ExpressionError(MovingError):
    """A template expression that cannot be evaluated; the message names it."""

    def __init__(self, expression: str, why: str) -> None:
        super().__init__(f"{expression}: {why}")


def of_problem(status: int, problem: dict[str, Any]) -> click.ClickException:
    """Return the error that an `application/problem+json` reply stands for, with the field it names."""
    detail = str(problem.get("detail") or problem.get("title") or f"the scheduler answered {status}")
    field = problem.get("field")
    text = f"{field}: {detail}" if field else detail
    if status == 401:
        return RefusedError(f"{text} (the client takes it from LEEWARD_TOKEN or --token-file)")
    if status == 404:
        return NotFoundError(text)
    if status >= 500 and problem.get("requestId"):
        text = f"{text} (request {problem['requestId']})"
    return RefusedError(text)
