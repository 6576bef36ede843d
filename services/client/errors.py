"""Why a command failed, and the exit code that tells it: the one table of them (docs/cli.md)."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import ClassVar

import click

from services.client.api.errors import (
    AccessError,
    ForbiddenError,
    NotFoundError,
    NotReachableError,
    RefusedError,
    UnansweredError,
    UnauthenticatedError,
    UntrustedError,
)
from shared.errors import LeewardError

__all__ = ["ExitCode", "ExpressionError", "MovingError", "NotFoundError", "NotReachableError", "RefusedError"]


class ExitCode(IntEnum):
    """What a command ends with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_REACHABLE = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Mapping[ExitCode, str] = MappingProxyType(
    {
        ExitCode.DONE: "done",
        ExitCode.FAILED: "refused or failed",
        ExitCode.USAGE: "wrong usage",
        ExitCode.NOT_REACHABLE: "not reachable",
        ExitCode.NOT_FOUND: "not found",
        ExitCode.NOT_ALLOWED: "not allowed",
        ExitCode.INTERRUPTED: "Ctrl-C",
        ExitCode.BROKEN_PIPE: "nobody reads the output any more",
    }
)
EXIT_CODES = f"Exit codes: {', '.join(f'{code.value} {meaning}' for code, meaning in MEANINGS.items())}."
_CODES: tuple[tuple[type[LeewardError], ExitCode], ...] = (
    (AccessError, ExitCode.USAGE),
    (NotReachableError, ExitCode.NOT_REACHABLE),
    (NotFoundError, ExitCode.NOT_FOUND),
    (UnauthenticatedError, ExitCode.NOT_ALLOWED),
    (ForbiddenError, ExitCode.NOT_ALLOWED),
)
_HINTS: Mapping[type[LeewardError], str] = MappingProxyType(
    {
        UnansweredError: "; is the scheduler up, is --url right?",
        UntrustedError: "; name its authority with --ca",
        UnauthenticatedError: " (the client takes it from LEEWARD_TOKEN or --token-file)",
    }
)


class MovingError(click.ClickException):
    """A file to import cannot be understood; the message names the place and what to do."""

    exit_code: ClassVar[int] = ExitCode.USAGE


class ExpressionError(MovingError):
    """A template expression that cannot be evaluated; the message names it."""

    def __init__(self, expression: str, why: str) -> None:
        super().__init__(f"{expression}: {why}")


def exit_code_of(fault: LeewardError) -> ExitCode:
    """Return what a command ends with that failed so."""
    return next((code for kind, code in _CODES if isinstance(fault, kind)), ExitCode.FAILED)


def told(fault: LeewardError) -> str:
    """Return what to say of it on a command line, where there are flags to mend it."""
    return f"{fault}{_HINTS.get(type(fault), '')}"
