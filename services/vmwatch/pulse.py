"""What a watcher says about itself: that it lives, and how the metadata service stands for it."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from services.vmwatch.advice import advice_on
from services.vmwatch.documents import Document
from services.vmwatch.errors import MetadataError, MetadataRefusedError
from services.vmwatch.metrics import Metrics
from services.vmwatch.standing import Standing
from shared.logs import get_logger
from shared.messages import HostStatus, MetadataState, encode

_log = get_logger(__name__)


class Pulse:
    """The status of one life; published when somebody asks for it, and when others would act upon what has changed."""

    def __init__(self, status: HostStatus, *, keep: Callable[[bytes], None], metrics: Metrics) -> None:
        """Begin with a status from the start of this life; `keep` owns the retained state of its topic."""
        self._standing = Standing(status.at)
        self._status = msgspec.structs.replace(
            status, started_at=status.at, metadata=self._standing.state, metadata_since=status.at
        )
        self._keep = keep
        self._metrics = metrics
        self._fault: MetadataError | None = None
        metrics.show_start(status.at)
        metrics.show_state(self._standing.state, status.at)

    @property
    def trouble(self) -> str:
        """Why events cannot be read, since when, and what to do; empty when all is well."""
        since = self._standing.since.isoformat(timespec="seconds")
        match self._standing.state:
            case MetadataState.WAITING:
                return f"the first answer, which may take two minutes, is awaited since {since}"
            case MetadataState.FAILING if self._fault is not None:
                hint = advice_on(self._fault.outcome)
                return f"not read since {since}: {self._fault}{hint and f'; {hint}'}"
        return ""

    def beat(self, now: datetime) -> None:
        """Say that this watcher lives."""
        self._status = msgspec.structs.replace(self._status, at=now)
        self._keep(encode(self._status))

    def answered(self, document: Document, now: datetime) -> None:
        """Take in that a document was read and told."""
        resets = self._standing.resets
        self._standing.answered(document, now)
        if self._standing.resets > resets:
            self._metrics.count_reset()
        if not self._status.poll_ok:
            _log.info("scheduled events read", host=self._status.host, events=len(document.events))
        self._fault = None
        self._tell(msgspec.structs.replace(self._status, poll_ok=True, last_poll_at=now), now)

    def failed(self, fault: MetadataError, now: datetime) -> None:
        """Take in that no document could be read, or not be told; what was told last stands."""
        if str(fault) != str(self._fault or ""):
            level = _log.error if isinstance(fault, MetadataRefusedError) else _log.warning
            level(
                "scheduled events not read, the last state stands",
                outcome=fault.outcome,
                reason=str(fault),
                hint=advice_on(fault.outcome),
            )
        self._fault = fault
        self._standing.failed(now)
        self._tell(msgspec.structs.replace(self._status, poll_ok=False), now)

    def _tell(self, status: HostStatus, now: datetime) -> None:
        state, since = self._standing.state, self._standing.since
        self._metrics.show_state(state, since)
        changed = (status.poll_ok, state) != (self._status.poll_ok, self._status.metadata)
        self._status = msgspec.structs.replace(status, at=now, metadata=state, metadata_since=since)
        if changed:
            self._keep(encode(self._status))
