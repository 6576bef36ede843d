"""How often the metadata service is asked: Azure answers five requests a second to a VM, over all who ask (§1.8).

Other programs on the VM ask as well, and a program that crashes and is started again at once must not ask more often
than one that runs. Therefore two requests never come closer together than a fixed distance, and each life begins by
waiting for as long: then it does not matter how many lives there were, and nothing need be remembered between them.
"""

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import Final

AZURE_PER_SECOND: Final = 5
_WIDEST_SECONDS: Final = 2 / 3
"""Two readings in any second: two programs on a VM leave it one of Azure's five."""
_CLOSEST_SECONDS: Final = 0.25
_OF_A_POLL: Final = 2 / 3
"""Polls keep their rhythm: between two of them there is room for what else is read, such as the instance document."""


class Distance:
    """Turns that come no closer together than so many seconds."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float], first_after: float = 0.0) -> None:
        """The first turn comes `first_after` seconds from now."""
        self.seconds = seconds
        self._monotonic = monotonic
        self._next_at = monotonic() + first_after

    def reserve(self) -> float:
        """Take the next turn and return how many seconds it is away."""
        now = self._monotonic()
        turn = max(now, self._next_at)
        self._next_at = turn + self.seconds
        return turn - now


class Budget:
    """One program's share of the requests: readings, and apart from them approvals, which nothing should delay.

    Approvals need no wait at the start: there is none before something was read.
    """

    def __init__(self, poll_seconds: float, *, monotonic: Callable[[], float], random: Random) -> None:
        """Make room for a poll each `poll_seconds`, four a second at most.

        `random` parts programs that start together.
        """
        apart = min(max(poll_seconds * _OF_A_POLL, _CLOSEST_SECONDS), _WIDEST_SECONDS)
        first_after = apart * random.uniform(1.0, 1.5)
        self._readings = Distance(apart, monotonic=monotonic, first_after=first_after)
        self._approvals = Distance(1 / (AZURE_PER_SECOND - math.ceil(1 / apart)), monotonic=monotonic)

    async def reading(self) -> None:
        """Wait until something may be read."""
        await asyncio.sleep(self._readings.reserve())

    async def approval(self) -> None:
        """Wait until an event may be approved."""
        await asyncio.sleep(self._approvals.reserve())
