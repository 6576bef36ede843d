"""Reads one PKCS #12 file and ends: a program of its own, since who made a file decides how long reading it takes.

The question comes by stdin and the answer goes to stdout, both JSON; the kernel ends what takes more processor seconds
than the program's only argument says.
"""

import os
import resource
import signal
import sys
import time
from datetime import datetime

import msgspec

from services.scheduler.vault.certificates import read_pfx

CPU_SECONDS = 5
"""A file of the usual programs takes some hundredths of one, the check of an RSA key of 8,192 bits about three."""
WALL_SECONDS = 20
"""For a machine on which others are busy."""
MEMORY_BYTES = 512 * 1024 * 1024
"""Address space, of which the interpreter and its libraries take a fifth."""
_GENTLE = 5


class Pfx(msgspec.Struct, frozen=True, kw_only=True):
    """A PKCS #12 file in base64, and its password."""

    text: str
    password: str | None = None

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, which shows nothing of it."""
        return "Pfx(***)"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read; `opened`: the key is wanted, too."""

    pfx: Pfx
    opened: bool = False


class Described(msgspec.Struct, frozen=True, kw_only=True, tag="described"):
    """What may be told of a file, and the processor seconds that reading it took."""

    thumbprint: str
    subject: str
    expires_at: datetime
    seconds: float


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="opened"):
    """A file with its key, unprotected, and its certificates as a TLS library reads them."""

    told: Described
    pem: bytes

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, which shows no key."""
        return f"Opened({self.told.subject})"


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """Why a file cannot be used, as the end of a sentence about it."""

    why: str


def answer(question: Question) -> Described | Opened | Refused:
    """Read a file."""
    began = time.process_time()
    try:
        file = read_pfx(question.pfx.text, question.pfx.password)
        pem = file.pem() if question.opened else b""
    except ValueError as fault:
        return Refused(why=str(fault))
    except MemoryError:
        return Refused(why="takes too much memory to open; export it again as openssl does by default")
    told = Described(
        thumbprint=file.thumbprint,
        subject=file.subject,
        expires_at=file.expires_at,
        seconds=time.process_time() - began,
    )
    return Opened(told=told, pem=pem) if question.opened else told


def confine(cpu_seconds: int) -> None:
    """Have the kernel end this process when it takes too long, whoever else may have ended; it leaves nothing behind.

    It gets the processor after those that started it, and writes no file, be it that of a crash, which would hold keys.
    """
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    signal.alarm(WALL_SECONDS)
    os.nice(_GENTLE)


def _limit(kind: int, most: int) -> None:
    """Set the limit that a signal tells of; whoever runs the scheduler may have set a lower one."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Answer the question."""
    confine(int(sys.argv[1]))
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(answer(question)))


if __name__ == "__main__":
    main()
