"""Connections that callers hold open: each is a file of the process, and jobs need files to reach their targets."""

import resource
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from services.scheduler.api.callers import CALLER

STRANGERS_SECONDS = 60.0
"""How long a connection may last on which nobody has said who he is, whatever comes on it meanwhile."""
MOST_FILES = 65_536
_NOBODY = ""


class Connections:
    """Ends those of strangers after a while, and beyond `most` those of whoever holds the most."""

    def __init__(self, *, most: int, time: Callable[[], float]) -> None:
        """`time` goes up by the second."""
        self._most = most
        self._time = time
        self._callers: dict[web.RequestHandler, str] = {}
        self._since: dict[web.RequestHandler, float] = {}

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Remember whose connection it is (a middleware, behind authentication)."""
        if (caller := request.get(CALLER)) is not None:
            self._callers[request.protocol] = caller.name
        return await handler(request)

    def look(self, present: Iterable[web.RequestHandler]) -> None:
        """End what is not to last; run this each second with all that are open, the oldest first."""
        now = self._time()
        self._since = {one: self._since.get(one, now) for one in present}
        self._callers = {one: name for one, name in self._callers.items() if one in self._since}
        held = defaultdict(list)
        for one, since in self._since.items():
            if one not in self._callers and now - since >= STRANGERS_SECONDS:
                one.force_close()
            else:
                held[self._callers.get(one, _NOBODY)].append(one)
        for _ in range(sum(map(len, held.values())) - self._most):
            max(held.values(), key=len).pop(0).force_close()


def room() -> int:
    """Return how many connections to keep: half of the files that the process may have, after asking for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):  # a sandbox may forbid it; then there is as much as there was
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
