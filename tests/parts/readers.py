"""Processes that open certificates: which ones run, and others in their place."""

import sys
from pathlib import Path

import psutil

from services.scheduler.vault.pfx_files import READER


def readers() -> list[int]:
    """Return the ids of those that this process has running."""
    return [child.pid for child in psutil.Process().children() if "pfx_reader" in " ".join(_command(child))]


def counted(log: Path) -> tuple[str, ...]:
    """Return a program that writes a line for each time it is started, and then is the real one."""
    script = (
        "import os, sys; print('started', file=open(sys.argv[1], 'a'), flush=True); os.execv(sys.argv[2], sys.argv[2:])"
    )
    return (sys.executable, "-S", "-c", script, str(log), *READER)


def starts(log: Path) -> int:
    """Return how often `counted` was started."""
    return len(log.read_text().splitlines()) if log.exists() else 0


def doing(script: str) -> tuple[str, ...]:
    """Return a program in the reader's place."""
    return (sys.executable, "-S", "-c", f"{script}  # pfx_reader")


def _command(child: psutil.Process) -> list[str]:
    try:
        return list(child.cmdline())
    except psutil.NoSuchProcess:
        return []
