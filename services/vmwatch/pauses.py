"""How long the metadata service is left alone after a failure (reference §1.9)."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from services.vmwatch.errors import MetadataError, MetadataOutcome
from shared.retry import Backoff

_PAUSES: Final[Mapping[MetadataOutcome, tuple[float, float]]] = MappingProxyType(
    {
        MetadataOutcome.GONE: (1.0, 10.0),
        MetadataOutcome.THROTTLED: (2.0, 10.0),
        MetadataOutcome.BAD_REQUEST: (5.0, 60.0),
        MetadataOutcome.NOT_ALLOWED: (5.0, 60.0),
    }
)
"""First and longest pause after a failure: a 410 lasts 70 s at most, a 400 until it is mended."""
_USUAL_PAUSE: Final = (1.0, 5.0)
"""A Preempt leaves 30 s: no passing fault may hide it for longer than this."""


class Pauses:
    """The pauses after one failure upon another; each kind of failure grows its own."""

    def __init__(self, random: Random | None = None) -> None:
        """Begin as after a success; `random` spreads those that fail together."""
        self._random = random
        self._growing: dict[MetadataOutcome, Backoff] = {}

    def after(self, fault: MetadataError) -> float:
        """Return the seconds to wait after a failure: never less than the service asked for."""
        first, limit = _PAUSES.get(fault.outcome, _USUAL_PAUSE)
        if fault.outcome not in self._growing:
            self._growing[fault.outcome] = Backoff(first=first, limit=limit, random=self._random)
        return max(self._growing[fault.outcome].next(), fault.retry_after)

    def clear(self) -> None:
        """Begin again: the last request went well."""
        self._growing.clear()
