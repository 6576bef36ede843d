"""Everything that a run has measured, and how it is kept between runs."""

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from tests.bench.creating import Creation
from tests.bench.environment import PLACE
from tests.bench.idle import Idle
from tests.bench.loads import Take

FILE = PLACE.parent / "bench-results.json"
Takes = Mapping[str, Sequence[Take]]
"""Per contestant, one take a round."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has measured; what it was not asked for is empty.

    `takes` are by load and contestant, `rates` by the rate asked; `bursts` are requests per second, one a
    round; `held` seconds, one an event.
    """

    setting: str
    """The machine and the versions, as a sentence."""
    rounds: int
    minutes: float = 0.0
    takes: Mapping[str, Takes] = {}
    rates: Mapping[int, Takes] = {}
    bursts: Mapping[str, Sequence[float]] = {}
    creations: Mapping[str, Sequence[Creation]] = {}
    idles: Mapping[str, Sequence[Idle]] = {}
    held: Mapping[str, Sequence[float]] = {}

    def save(self) -> None:
        """Keep this run for `--again`."""
        FILE.write_bytes(msgspec.json.encode(self))

    @classmethod
    def saved(cls) -> Self:
        """Return the last run. Raises FileNotFoundError."""
        return msgspec.json.decode(FILE.read_bytes(), type=cls)
