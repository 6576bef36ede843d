"""Approves events at Azure, on the scheduler's command only, and only those that this watcher has read itself."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.errors import MetadataError, MetadataRefusedError
from services.vmwatch.metrics import ApprovalOutcome
from shared.bus import Delivery
from shared.logs import get_logger
from shared.messages import OBJECTED, ApproveCommand, ApproveReply, Event, MessageRefusedError, decode, encode
from shared.ration import Ration

REPEAT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0
"""How long a command is tried that Azure never answered: then the scheduler's next command counts, not an old one."""
SAME_ANSWER_SECONDS: Final = 2.0
"""How long what Azure answered about an event holds for further commands: asking so soon again tells nothing new."""
AZURE_AT_ONCE: Final = 20
AZURE_PER_SECOND: Final = 1
"""How many commands reach Azure: it answers five requests a second to a VM, over all who ask (reference §1.8)."""
_log = get_logger(__name__)


class Replier(Protocol):
    """What approvals need of the bus."""

    async def reply(self, delivery: Delivery, payload: bytes) -> None:
        """Answer a request; raises BusUnavailableError."""
        ...


class Approver(Protocol):
    """What approvals need of the metadata service."""

    async def approve(self, event_id: str) -> int:
        """Let Azure start an event and return its HTTP status; raises MetadataError."""
        ...


class _Pending(msgspec.Struct, frozen=True):
    """A command to repeat until its event has left Scheduled; `until` is None once Azure has accepted it."""

    command: ApproveCommand
    until: float | None


class _Answered(msgspec.Struct, frozen=True):
    """What Azure last answered about an event, and when."""

    reply: ApproveReply
    at: float


class Approvals:
    """Carries out approve commands; Azure may be told twice, which is harmless, but never without a command.

    However many commands come, Azure hears no more of it than its own limits allow.
    """

    def __init__(
        self,
        *,
        approver: Approver,
        replier: Replier,
        events: Callable[[], Mapping[str, Event]],
        count: Callable[[ApprovalOutcome], None],
        monotonic: Callable[[], float],
        may_reply: Callable[[str], bool],
        objection: Callable[[str], str] = lambda event_id: "",
        dry_run: bool = False,
        approved: Callable[[str], None] = lambda event_id: None,
    ) -> None:
        """`events` returns what this watcher has read from Azure, by upper-case id.

        `objection` says why an event must not be approved while this host's responders are at work, or have failed;
        empty when they are done. In a dry run every command is declined. `approved` hears of each event, by upper-case
        id, whose approval Azure has accepted.

        `may_reply` says whether a reply may go to a topic: no command may have this watcher write on one of its own.
        """
        self._approver = approver
        self._replier = replier
        self._events = events
        self._count = count
        self._monotonic = monotonic
        self._may_reply = may_reply
        self._objection = objection
        self._dry_run = dry_run
        self._approved = approved
        self._pending: dict[str, _Pending] = {}
        self._answered: dict[str, _Answered] = {}
        self._azure = Ration(burst=AZURE_AT_ONCE, per_second=AZURE_PER_SECOND, clock=monotonic)
        self._lines = Ration(burst=20, per_second=1, clock=monotonic)

    async def handle(self, delivery: Delivery) -> None:
        """Carry out one command and answer it. Raises MessageRefusedError for what is no command."""
        if delivery.retained:
            # A command that waits on the broker for the next watcher would approve at any time later.
            raise MessageRefusedError("approve commands must not be retained")
        if delivery.response_topic and not self._may_reply(delivery.response_topic):
            raise MessageRefusedError(f"{delivery.response_topic!r} takes no replies")
        command = decode(delivery.payload, ApproveCommand)
        reply = await self._decide(command)
        await self._replier.reply(delivery, encode(reply))

    async def repeat(self) -> None:
        """Tell Azure again what it has not acted upon, and forget what is settled."""
        for event_id, pending in tuple(self._pending.items()):
            event = self._events().get(event_id)
            if event is None or event.status != SCHEDULED:
                del self._pending[event_id]
                _log.info("approved event has left Scheduled", event_id=event_id)
            elif pending.until is not None and self._monotonic() >= pending.until:
                del self._pending[event_id]
                _log.warning("approval given up", event_id=event_id, decided_by=pending.command.decided_by)
            elif not self._objection(event_id):
                await self._approve(pending, ApprovalOutcome.REPEATED)

    async def _decide(self, command: ApproveCommand) -> ApproveReply:
        event_id = command.event_id.upper()
        event = self._events().get(event_id)
        if event is None:
            return self._decline(command, ApprovalOutcome.UNKNOWN_EVENT, "this watcher sees no such event")
        if event.status == STARTED:
            self._count(ApprovalOutcome.ALREADY_STARTED)
            return ApproveReply(event_id=event_id, status=200)
        if event.status != SCHEDULED:
            return self._decline(command, ApprovalOutcome.NOT_SCHEDULED, f"the event's status is {event.status}")
        if self._dry_run:
            return self._decline(command, ApprovalOutcome.DRY_RUN, "dry run: LEEWARD_DRY_RUN is set", OBJECTED)
        if objection := self._objection(event_id):
            return self._decline(command, ApprovalOutcome.NOT_READY, objection, OBJECTED)
        now = self._monotonic()
        last = self._answered.get(event_id)
        if last is not None and now - last.at < SAME_ANSWER_SECONDS:
            self._count(ApprovalOutcome.ASKED_AGAIN)
            return last.reply
        if not self._azure.take():
            return self._decline(command, ApprovalOutcome.TOO_MANY, "too many approvals at once: ask again in a moment")
        pending = _Pending(msgspec.structs.replace(command, event_id=event_id), now + PATIENCE_SECONDS)
        reply = await self._approve(pending, ApprovalOutcome.APPROVED)
        self._answered = {known: each for known, each in self._answered.items() if known in self._events()}
        self._answered[event_id] = _Answered(reply, self._monotonic())
        return reply

    async def _approve(self, pending: _Pending, outcome: ApprovalOutcome) -> ApproveReply:
        command = pending.command
        event_id = command.event_id
        self._pending[event_id] = pending
        try:
            status = await self._approver.approve(event_id)
        except MetadataError as fault:
            if isinstance(fault, MetadataRefusedError):
                self._pending.pop(event_id, None)
            self._count(ApprovalOutcome.FAILED)
            _log.warning(
                "approval failed",
                event_id=event_id,
                decided_by=command.decided_by,
                reason=command.reason,
                fault=str(fault),
            )
            return ApproveReply(event_id=event_id, status=fault.status, error=str(fault))
        self._pending[event_id] = _Pending(command, None)
        self._count(outcome)
        self._approved(event_id)
        _log.info(
            "event approved", event_id=event_id, decided_by=command.decided_by, reason=command.reason, outcome=outcome
        )
        return ApproveReply(event_id=event_id, status=status)

    def _decline(self, command: ApproveCommand, outcome: ApprovalOutcome, error: str, status: int = 0) -> ApproveReply:
        self._count(outcome)
        if self._lines.take():
            _log.warning(
                "approval declined",
                event_id=command.event_id,
                decided_by=command.decided_by,
                reason=command.reason,
                outcome=outcome,
            )
        return ApproveReply(event_id=command.event_id.upper(), status=status, error=error)
