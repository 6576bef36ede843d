"""Children that die with their parent, even when the parent is killed with SIGKILL (Linux)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dying_with_parent() -> Callable[[], None] | None:
    """Return what a child must call between fork and exec, prepared now so that it allocates nothing there.

    The kernel sends SIGKILL when the parent ends (prctl(2)); a parent already gone by then is noticed by its id.
    None where there is no such call: an orderly stop still ends every child there.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind
