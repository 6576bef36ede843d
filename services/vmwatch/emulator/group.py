"""What the VMs of one placement group share: the events and whether the service is switched on."""

from datetime import datetime, timedelta

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Board, RehearsedEvent
from services.vmwatch.emulator.limits import Activation, Options


class Group:
    """One document, and what its readers see of it."""

    def __init__(self, pace: Pace, options: Options) -> None:
        """Begin calm and switched off."""
        self.board = Board(pace, options.habits)
        self._activation = Activation(pace, options)
        self._withheld = False

    def activate(self, now: datetime) -> timedelta:
        """Note a request and return how long its answer takes; a service that was switched off begins anew."""
        delay, was_off = self._activation.touch(now)
        if was_off:
            self.board.reset()
        return delay

    def read(self, now: datetime) -> tuple[int, tuple[RehearsedEvent, ...]]:
        """Return the incarnation and the live events; none before events begin to show (reference §1.7)."""
        events = self.board.advance(now)
        if not self._activation.delivers(now):
            self._withheld = True
            return 1, ()
        if self._withheld and events and self.board.incarnation == 1:
            # What shows now differs from what was read before, and so must its incarnation.
            self.board.reset(2)
        self._withheld = False
        return self.board.incarnation, events
