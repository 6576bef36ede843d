"""Does what a page says, word for word: each `sh` block is run, and what the block below it shows is looked for.

A `text` block under a `sh` block is what those commands say; with a title it is what that other terminal says. Ids,
instants, tokens and numbers that stand alone may differ, "…" is anything, and a page may leave lines out.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tests.parts.pages import Block, blocks

_TOKENS: Final = {
    "…": r".*",
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}": r"[0-9A-Fa-f-]{36}",
    r"lwd_[0-9a-f]+": r"lwd_[0-9a-f]+",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*",
    r"\d\d:\d\d:\d\d": r"\d\d:\d\d:\d\d",
    r"(?<![\w.:/-])\d+(?![\w.:/-])": r"\d+",
    r"\s+": r"\s+",
}
"""What differs from time to time, as pages have it, and what may stand there instead."""
_TOKEN = re.compile("|".join(f"({form})" for form in _TOKENS))
_LOOKS = re.compile(
    r"leeward (?:host|job|event|collection|audit|tokens) (?:list|show|history|decisions|occurrences)\b.*"
)


class WalkError(Exception):
    """A page says what is not so."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One block of commands, and what its page shows of what they say here and on other terminals."""

    commands: str
    shown: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def only_looks(self) -> bool:
        """Whether it may be run again until it says what is shown: it changes nothing."""
        return all(_LOOKS.fullmatch(line) for line in self.commands.strip().splitlines())


def steps(page: Path) -> list[Step]:
    """Return the steps of a page, in order."""
    found: list[Step] = []
    for block in blocks(page):
        if block.language == "sh":
            found.append(Step(commands=block.text))
        elif block.language == "text" and found:
            found[-1] = _with(found[-1], block)
    return found


def _with(step: Step, block: Block) -> Step:
    lines = tuple(line.strip() for line in block.text.splitlines() if line.strip() not in ("", "…"))
    if block.title:
        return msgspec.structs.replace(step, elsewhere=step.elsewhere + lines)
    return msgspec.structs.replace(step, shown=step.shown + lines)


def shape(line: str) -> re.Pattern[str]:
    """Return what matches a line that says the same at another time.

    >>> bool(shape("db-0  drained  2").fullmatch("db-0   drained   17"))
    True
    """
    return re.compile("".join(_pieces(line)))


def _pieces(line: str) -> Iterator[str]:
    forms, end = list(_TOKENS.values()), 0
    for token in _TOKEN.finditer(line):
        yield re.escape(line[end : token.start()])
        yield forms[next(index for index, group in enumerate(token.groups()) if group is not None)].replace(
            "\\\\", "\\"
        )
        end = token.end()
    yield re.escape(line[end:])


def first_missing(shown: tuple[str, ...], said: str) -> str | None:
    """Return the first line shown that was not said, in this order; None if all were."""
    lines = iter([line.strip() for line in said.splitlines()])
    for line in shown:
        wanted = shape(line)
        if not any(wanted.fullmatch(heard) for heard in lines):
            return line
    return None


class Walker:
    """Follows pages in a shell, in one folder; raises WalkError where a page is not right."""

    def __init__(self, folder: Path, environment: Mapping[str, str], moved: Mapping[str, str]) -> None:
        """`moved`: what stands on the pages, and what it is here, such as ports."""
        self._folder = folder
        self._environment = dict(environment)
        self._moved = dict(moved)

    async def follow(self, page: Path, other_terminal: Callable[[], str] = str, *, seconds: float = 30) -> int:
        """Do everything that a page says and return how many steps that were."""
        for step in (found := steps(page)):
            await self._do(page, step, seconds)
            await _heard(page, step.elsewhere, _read(other_terminal), seconds)
        return len(found)

    async def _do(self, page: Path, step: Step, seconds: float) -> None:
        if step.only_looks:
            await _heard(page, step.shown, lambda: self._run(page, step.commands), seconds)
            return
        said = await self._run(page, step.commands)
        if (line := first_missing(step.shown, said)) is not None:
            raise WalkError(f"{page.name}: {step.commands!r} does not say {line!r}, but:\n{said}")

    async def _run(self, page: Path, commands: str) -> str:
        for written, here in self._moved.items():
            commands = commands.replace(written, here)
        process = await asyncio.create_subprocess_exec(
            *("sh", "-eu", "-c", commands),
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        if process.returncode != 0:
            raise WalkError(f"{page.name}: {commands!r} ends with {process.returncode}: {complained.decode()}")
        return said.decode()


def _read(terminal: Callable[[], str]) -> Callable[[], Awaitable[str]]:
    async def said() -> str:
        await asyncio.sleep(0.1)
        return terminal()

    return said


async def _heard(page: Path, shown: tuple[str, ...], said: Callable[[], Awaitable[str]], seconds: float) -> None:
    """Ask until everything shown was said; raises WalkError after so many seconds."""
    until = asyncio.get_running_loop().time() + seconds
    while (line := first_missing(shown, heard := await said())) is not None:
        if asyncio.get_running_loop().time() > until:
            raise WalkError(f"{page.name} shows {line!r}, which was not said in {seconds:g} s, but:\n{heard}")
