"""Has the PKCS #12 files of callers read by a process of their own, within limits, and remembers what they hold."""

import asyncio
import hashlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import SecretUnavailableError
from services.scheduler.vault.certificates import decode_pfx
from services.scheduler.vault.pfx_reader import (
    CPU_SECONDS,
    WALL_SECONDS,
    Described,
    Opened,
    Pfx,
    Question,
    Refused,
    answer,
)
from shared.logs import get_logger

MOST_CHARACTERS = 65536
"""Of a file in base64: as many as a file that is referred to may have."""
READERS = 2
"""Processes at once; one collection has one."""
TURN_SECONDS = 30.0
REMEMBERED = 4096
READER = (sys.executable, "-B", "-P", "-S", "-m", "services.scheduler.vault.pfx_reader")
"""Without what site adds, and without the environment, which may hold secrets of others."""
TOO_LONG = Refused(
    why="takes too long to open: export it again with fewer key derivation rounds, such as openssl's default"
)
_CHEAP_SECONDS = 0.05
_MOST_ANSWER = 4 * MOST_CHARACTERS
_log = get_logger(__name__)


class PfxFiles:
    """Reads files for the API, which tells what they hold, and for calls, which need the key as well.

    A file may ask for minutes of work, and hide that it does. What took too long once is not tried again.
    """

    def __init__(
        self,
        *,
        reader: Sequence[str] = READER,
        cpu_seconds: int = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
    ) -> None:
        """`reader` is the program and its arguments: it answers one question within `cpu_seconds`."""
        self._reader = (*reader, str(cpu_seconds))
        self._wall_seconds = wall_seconds
        self._known: OrderedDict[bytes, Described | Refused] = OrderedDict()
        self._salt = os.urandom(hashlib.blake2b.SALT_SIZE)
        self._readers = asyncio.Semaphore(READERS)
        self._turns: WeakValueDictionary[CollectionId, asyncio.Lock] = WeakValueDictionary()

    def known(self, pfx: Pfx) -> Described | Refused | None:
        """Return what is told of a file without opening it, None when that takes opening it."""
        if len(pfx.text) > MOST_CHARACTERS:
            return Refused(why=f"has more than {MOST_CHARACTERS} characters")
        key = self._key(pfx)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        try:
            decode_pfx(pfx.text)
            (pfx.password or "").encode()
        except UnicodeEncodeError:
            return Refused(why="has a password that is no UTF-8 text")
        except ValueError as fault:
            return Refused(why=str(fault))
        return None

    async def describe(self, pfx: Pfx, whose: CollectionId) -> Described | Refused:
        """Return what a file of a collection holds. Raises SecretUnavailableError when it was not read in time here."""
        known = self.known(pfx)
        if known is not None:
            return known
        async with self._turn(whose):
            # Somebody else may have asked the same meanwhile.
            found = self.known(pfx) or await self._ask(Question(pfx=pfx))
        return found.told if isinstance(found, Opened) else found

    async def open(self, pfx: Pfx, whose: CollectionId) -> Opened:
        """Return a file of a collection with its key.

        Raises ValueError that says what is wrong with it, SecretUnavailableError as `describe` does.
        """
        known, question = self.known(pfx), Question(pfx=pfx, opened=True)
        if isinstance(known, Described) and known.seconds <= _CHEAP_SECONDS:
            found = await asyncio.to_thread(answer, question)
        elif isinstance(known, Refused):
            found = known
        else:
            async with self._turn(whose):
                found = await self._ask(question)
        if isinstance(found, Opened):
            return found
        raise ValueError(found.why if isinstance(found, Refused) else "was not opened")

    @asynccontextmanager
    async def _turn(self, whose: CollectionId) -> AsyncIterator[None]:
        """Wait until a reader may be started for a collection: who keeps one busy keeps the others of his own waiting.

        Raises SecretUnavailableError when that takes too long.
        """
        turn = self._turns.setdefault(whose, asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_SECONDS) as waiting, turn, self._readers:
                waiting.reschedule(None)
                yield
        except TimeoutError:
            raise SecretUnavailableError("waits for other certificates to be opened; try again in a moment") from None

    async def _ask(self, question: Question) -> Described | Opened | Refused:
        """Have a question answered by a process, and remember the answer."""
        try:
            async with asyncio.timeout(self._wall_seconds):
                code, said = await self._run(msgspec.json.encode(question))
        except TimeoutError:
            raise SecretUnavailableError("was not opened in time; try again in a moment") from None
        except OSError as fault:
            _log.warning("no process could be started to open a client certificate", error=str(fault))
            raise SecretUnavailableError("could not be opened here now; try again in a moment") from None
        found = TOO_LONG if code == -signal.SIGXCPU else _answer(code, said)
        self._known[self._key(question.pfx)] = found.told if isinstance(found, Opened) else found
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _run(self, question: bytes) -> tuple[int, bytes]:
        """Run the program on a question; return its exit code and what it said. It is gone afterwards, in any case."""
        process = await asyncio.create_subprocess_exec(
            *self._reader, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={"PYTHONPATH": _places()}
        )
        try:
            said = await _exchanged(process, question)
            return await process.wait(), said
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _key(self, pfx: Pfx) -> bytes:
        told = f"{len(pfx.text)} {'' if pfx.password is None else '+'}{pfx.text}{pfx.password or ''}"
        # What an environment variable holds need not be UTF-8.
        return hashlib.blake2b(told.encode(errors="surrogatepass"), salt=self._salt).digest()


def _places() -> str:
    """Return where this process has its modules from; an empty entry is the present folder."""
    return os.pathsep.join(str(Path(place).absolute()) for place in sys.path)


async def _exchanged(process: Process, question: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    process.stdin.write(question)
    process.stdin.close()
    try:
        await process.stdout.readexactly(_MOST_ANSWER)
    except asyncio.IncompleteReadError as read:
        return read.partial
    process.kill()
    return b""


def _answer(code: int, said: bytes) -> Described | Opened | Refused:
    try:
        if code == 0:
            return msgspec.json.decode(said, type=Described | Opened | Refused)
    except msgspec.DecodeError:
        pass
    _log.warning("opening a client certificate ended unexpectedly", code=code)
    raise SecretUnavailableError("could not be opened here; export it again as openssl does by default")
