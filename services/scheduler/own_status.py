"""What a replica says of itself on the bus."""

from shared.about import product_version
from shared.clock import Clock
from shared.messages import Presence, ReplicaStatus, encode
from shared.topics import Topics


class OwnStatus:
    """The retained status of one life of a replica."""

    def __init__(self, topics: Topics, replica: str, session: str, clock: Clock) -> None:
        """`session` names this life: the will of an earlier one cannot take it back."""
        self.topic = topics.scheduler_status(replica)
        self._replica = replica
        self._session = session
        self._clock = clock

    def of(self, state: Presence) -> bytes:
        """Return the payload that says `state`, as of now."""
        return encode(
            ReplicaStatus(
                replica=self._replica,
                session=self._session,
                state=state,
                at=self._clock.now(),
                version=product_version(),
            )
        )
