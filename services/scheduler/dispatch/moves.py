"""What events did to occurrences on this replica, counted for the drains."""

import msgspec

from shared.topics import HostKey


class Moved(msgspec.Struct):
    """How many occurrences an event has held for and moved off a host, as this replica saw it."""

    held: int = 0
    rerouted: int = 0


class Moves:
    """Counts per host and event, for the drains; forgotten with the event."""

    def __init__(self) -> None:
        self._moved: dict[tuple[HostKey, str], Moved] = {}

    def held(self, host: HostKey, event_id: str) -> None:
        """Count an occurrence held for a host because of an event."""
        self.of(host, event_id).held += 1

    def rerouted(self, host: HostKey, event_id: str) -> None:
        """Count an occurrence that runs elsewhere because of an event on a host."""
        self.of(host, event_id).rerouted += 1

    def of(self, host: HostKey, event_id: str) -> Moved:
        """Return the counts of a host and event, zero at first."""
        return self._moved.setdefault((host, event_id), Moved())

    def forget(self, live: frozenset[str]) -> None:
        """Drop the counts of every event that is not live."""
        self._moved = {key: moved for key, moved in self._moved.items() if key[1] in live}
