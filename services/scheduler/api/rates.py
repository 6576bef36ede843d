"""How often callers may ask: by the second on every path, and Azure's bursts of reads and writes on Azure's."""

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.scheduler.api.arm.addresses import is_arm
from services.scheduler.api.authentication import address_of
from services.scheduler.api.callers import CALLER
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import READS
from services.scheduler.api.throttle import Throttle, ThrottledError


class Burst(msgspec.Struct, frozen=True):
    """What is left of a caller's burst on Azure's paths; `kind` is `reads` or `writes`."""

    kind: str
    left: int


BURST = web.RequestKey("burst", Burst)


class Rates:
    """The buckets of every caller."""

    def __init__(self, services: Services) -> None:
        clock = services.clock
        self._access = services.access
        self._all = Throttle(clock, size=services.caller_rate)
        self._bursts = {
            "reads": Throttle(clock, size=services.burst_reads),
            "writes": Throttle(clock, size=services.burst_writes),
        }

    def take(self, request: web.Request) -> None:
        """Count a request against its caller. Raises ThrottledError."""
        caller = None if self._access.is_open else request.get(CALLER)
        name = caller.name if caller is not None else f"at {address_of(request)}"
        # Where nobody is asked who he is, callers are on this machine and limit themselves.
        if not self._access.is_open:
            self._all.take(name)
        if is_arm(request.path):
            self._take_burst(request, name)

    def _take_burst(self, request: web.Request, name: str) -> None:
        kind = "reads" if request.method in READS else "writes"
        try:
            left = self._bursts[kind].take(name)
        except ThrottledError:
            request[BURST] = Burst(kind, 0)
            raise
        if left is not None:
            request[BURST] = Burst(kind, left)


def throttling(services: Services) -> Middleware:
    """Return the middleware that refuses callers beyond their rate; it stands behind authentication."""
    rates = Rates(services)

    @web.middleware
    async def throttle(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            rates.take(request)
        except ThrottledError:
            services.access.throttled()
            raise
        return await handler(request)

    return throttle
