"""What an examination finds: one plain sentence each, and what to do about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic

import msgspec

from shared.errors import LeewardError


class Part(StrEnum):
    """What is examined; `--only` takes these words."""

    SETTINGS = "settings"
    FILES = "files"
    MACHINE = "machine"
    BROKER = "broker"
    DATABASE = "database"
    METADATA = "metadata"
    API = "api"
    READINESS = "readiness"


class Result(StrEnum):
    """How a check ended; NOT_CHECKED says why in its message."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check's result. `check` is a word within its part; `seconds` is how long after the part's start it came."""

    part: Part
    check: str
    result: Result
    message: str
    remedy: str = ""
    seconds: float = 0.0


Veil = Callable[[str], str]
"""Takes out of a text whatever is secret."""


class Notes:
    """The findings of one part, in the order in which they were made; no secret gets into them."""

    def __init__(self, part: Part, veil: Veil = str) -> None:
        """Begin with a clean page."""
        self.part = part
        self.findings: list[Finding] = []
        self._veil = veil
        self._began = monotonic()

    def ok(self, check: str, message: str) -> None:
        """Note what is as it should be."""
        self._note(check, Result.OK, message)

    def warn(self, check: str, message: str, remedy: str) -> None:
        """Note what works and should be looked at."""
        self._note(check, Result.WARNING, message, remedy)

    def fail(self, check: str, message: str, remedy: str) -> None:
        """Note what does not work."""
        self._note(check, Result.FAILED, message, remedy)

    def skip(self, check: str, why: str, remedy: str = "") -> None:
        """Note what was not checked, and why."""
        self._note(check, Result.NOT_CHECKED, why, remedy)

    @contextmanager
    def failing(self, check: str, remedy: str) -> Iterator[None]:
        """Note an error as what does not work, and go on behind the block."""
        try:
            yield
        except LeewardError as fault:
            self.fail(check, str(fault), remedy)

    def _note(self, check: str, result: Result, message: str, remedy: str = "") -> None:
        self.findings.append(
            Finding(
                part=self.part,
                check=check,
                result=result,
                message=self._veil(message),
                remedy=self._veil(remedy),
                seconds=round(monotonic() - self._began, 3),
            )
        )
