"""What a contestant's process is told to fire: passed to it as JSON, understood in the peers' environment too."""

from collections.abc import Iterator

import msgspec

WORKERS = 150
"""Connections of everybody's HTTP client: as many as the scheduler's LEEWARD_RUNNERS."""
TIMEOUT = 60.0
"""Seconds that everybody gives a request: the scheduler's default."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that ask `url` from `start` (seconds since 1970) on, every `interval` seconds, until `until`.

    Their phases are spread over the interval, or all alike (`herd`). Every `hang_each`th job asks `hang_url`.
    An `interval` of 0 stands for jobs that run once, at `start`. `database` is where a peer keeps its jobs.
    """

    url: str
    jobs: int
    interval: float
    start: float
    until: float
    herd: bool = False
    hang_url: str = ""
    hang_each: int = 0
    database: str = ""

    def address(self, number: int) -> str:
        """Return what a job asks."""
        hangs = self.hang_each and number % self.hang_each == self.hang_each - 1
        return f"{self.hang_url if hangs else self.url}/{number}"

    def firsts(self) -> list[float]:
        """Return when each job is due first; whole milliseconds."""
        if self.herd or not self.interval:
            return [self.start] * self.jobs
        return [round(self.start + self.interval * number / self.jobs, 3) for number in range(self.jobs)]

    def dues(self) -> Iterator[tuple[float, int]]:
        """Yield every due instant and the number of its job, in order of time."""
        turn = 0
        while turn == 0 or (self.interval and self.start + turn * self.interval < self.until):
            yield from ((first + turn * self.interval, number) for number, first in enumerate(self.firsts()))
            turn += 1
