"""Who hears what other replicas change."""

from collections.abc import Sequence
from typing import Protocol

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId


class Listener(Protocol):
    """Who is told, in a callback of the loop, what cannot wait for the next question to the store."""

    def shaken(self) -> None:
        """The connection that guards this process's lives broke, or is there again: every life is in doubt until it
        is renewed, and changes by others may have gone unheard.
        """
        ...

    def jobs_changed(self, job_ids: Sequence[JobId]) -> None:
        """Another replica has replaced or deleted these jobs."""
        ...

    def collection_changed(self, collection_id: CollectionId) -> None:
        """Another replica has written a collection, so moved its gate or its policy, deleted it, or changed very
        many of its jobs.
        """
        ...
