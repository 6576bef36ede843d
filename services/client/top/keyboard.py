"""Single keys from a terminal, without an echo, and a terminal that is as it was afterwards."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Key(StrEnum):
    """What keys mean."""

    QUIT = "quit"
    PAUSE = "pause"
    SORT = "sort"
    PANE = "pane"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"


_KEYS = {
    b"q": Key.QUIT,
    b"Q": Key.QUIT,
    b"p": Key.PAUSE,
    b" ": Key.PAUSE,
    b"s": Key.SORT,
    b"\t": Key.PANE,
    b"k": Key.UP,
    b"\x1b[A": Key.UP,
    b"\x1bOA": Key.UP,
    b"j": Key.DOWN,
    b"\x1b[B": Key.DOWN,
    b"\x1bOB": Key.DOWN,
    b"\x1b[5~": Key.PAGE_UP,
    b"\x1b[6~": Key.PAGE_DOWN,
}
_LONGEST = 64


@contextmanager
def keys(press: Callable[[Key], None]) -> Iterator[None]:
    """Have `press` called for every known key as long as the context lasts; the terminal's end is a QUIT.

    Ctrl-C goes on interrupting; Ctrl-Z does nothing, since it would leave the screen as it is.
    """
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)

    def read() -> None:
        pressed = _read(terminal)
        if pressed is None:
            loop.remove_reader(terminal)
            press(Key.QUIT)
        for key in keys_of(pressed or b""):
            press(key)

    tty.setcbreak(terminal, termios.TCSADRAIN)
    _without_suspending(terminal)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        # What was typed and not read is for nobody: a shell would take it for a command.
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


def keys_of(pressed: bytes) -> list[Key]:
    """Return the keys in what a terminal sent, unknown ones left out."""
    found: list[Key] = []
    while pressed:
        known = next((one for one in _KEYS if pressed.startswith(one)), b"")
        if known:
            found.append(_KEYS[known])
        pressed = pressed[len(known) or 1 :]
    return found


def _read(terminal: int) -> bytes | None:
    """Return what was typed; None when the terminal is gone."""
    try:
        return os.read(terminal, _LONGEST) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def _without_suspending(terminal: int) -> None:
    settings = termios.tcgetattr(terminal)
    settings[6][termios.VSUSP] = b"\x00"
    termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
