"""This replica's share of what each host may have running."""

from collections.abc import Sequence

from services.scheduler.domain.capacity import share_of, tagged_capacity
from shared.logs import get_logger
from shared.messages import Inventory

log = get_logger(__name__)

_REMEMBERED = 10_000


class Capacities:
    """Knows who shares: the registered sessions, the longest registered first, and which of them is our own."""

    def __init__(self, usual: int) -> None:
        """`usual` is what a host without a tag may have running at a time; 0: any number."""
        self._usual = usual or None
        self._sessions: tuple[str, ...] = ("",)
        self._own = ""
        self._told: set[str] = set()

    def divide(self, sessions: Sequence[str], own: str) -> bool:
        """Share with these sessions from now on; True when they are others than before."""
        before, self._sessions, self._own = (self._sessions, self._own), tuple(sessions), own
        return before != (self._sessions, own)

    def share(self, inventory: Inventory) -> int | None:
        """Return how many executions this replica may have on a host; None: any number."""
        capacity = self._capacity(inventory)
        return None if capacity is None else share_of(capacity, self._sessions, self._own)

    def _capacity(self, inventory: Inventory) -> int | None:
        try:
            tagged = tagged_capacity(inventory.tags)
        except ValueError as fault:
            self._tell(inventory.host, str(fault))
            return self._usual
        return self._usual if tagged is None else tagged

    def _tell(self, host: str, fault: str) -> None:
        told = f"{host} {fault}"
        if told not in self._told and len(self._told) < _REMEMBERED:
            self._told.add(told)
            log.warning("capacity of a host ignored", host=host, fault=fault)
