"""Approvals: on command only, for events that were read only, until they take effect."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from services.vmwatch.approvals import AZURE_AT_ONCE, PATIENCE_SECONDS, SAME_ANSWER_SECONDS, Approvals
from services.vmwatch.emulator.events import Draft, Habits
from services.vmwatch.emulator.faults import Fault, FaultKind
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.imds import ImdsClient
from services.vmwatch.metrics import ApprovalOutcome
from shared.bus import Delivery
from shared.messages import OBJECTED, ApproveCommand, ApproveReply, Event, MessageRefusedError, decode, encode
from shared.topics import Topics
from tests.parts.watching import RememberedOutlet, TurnedClock, emulator

REBOOT = Draft(type="Reboot", resources=("db-0",), source="User")


class Desk:
    """Approvals of one watcher, and what it has read from the emulator."""

    def __init__(self, client: ImdsClient, imds: Emulator, clock: TurnedClock, *, dry_run: bool) -> None:
        self.imds = imds
        self.objection = ""
        self.clock = clock
        self.said = RememberedOutlet()
        self.outcomes: Counter[ApprovalOutcome] = Counter()
        self._client = client
        self._events: dict[str, Event] = {}
        self.approvals = Approvals(
            approver=client,
            replier=self.said,
            events=lambda: self._events,
            count=lambda outcome: self.outcomes.update([outcome]),
            monotonic=clock.monotonic,
            may_reply=Topics().takes_replies,
            objection=lambda _: self.objection,
            dry_run=dry_run,
        )

    async def read(self) -> None:
        """See what the emulator shows."""
        self._events = {event.event_id: event for event in (await self._client.read_events()).events}

    async def command(self, event_id: str = "EVENT-1") -> ApproveReply:
        """Send a command and return the answer."""
        payload = encode(ApproveCommand(event_id=event_id, reason="drained", decided_by="scheduler-0"))
        await self.approvals.handle(delivery(payload))
        return decode(self.said.replies[-1], ApproveReply)

    def received(self) -> list[str]:
        """Return the event's status at each StartRequest that reached the emulator."""
        return [entry["status"] for entry in self.imds.stage.state()["approvals"]]


def delivery(payload: bytes, *, retained: bool = False) -> Delivery:
    return Delivery(topic="t", payload=payload, retained=retained, response_topic="r", correlation=b"1")


@asynccontextmanager
async def desk(*, start_delay: float = 1.0, dry_run: bool = False) -> AsyncIterator[Desk]:
    clock = TurnedClock()
    options = Options(habits=Habits(start_delay=start_delay))
    async with emulator(clock=clock, options=options) as imds, ImdsClient(imds.url("db-1")) as client:
        yield Desk(client, imds, clock, dry_run=dry_run)


async def test_an_event_that_was_read_is_approved_on_command() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        assert await it.command("event-1") == ApproveReply(event_id="EVENT-1", status=200)
        it.clock.turn(1)
        assert [event.status for event in it.imds.stage.events()] == ["Started"]
        assert it.outcomes == {ApprovalOutcome.APPROVED: 1}


async def test_an_event_that_was_not_read_is_never_approved() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        reply = await it.command()
        assert (reply.status, bool(reply.error)) == (0, True)
        assert it.received() == []
        assert it.outcomes == {ApprovalOutcome.UNKNOWN_EVENT: 1}


async def test_an_event_that_has_started_needs_no_approval() -> None:
    async with desk() as it:
        it.imds.stage.schedule(Draft(type="Reboot", resources=("db-0",), status="Started"))
        await it.read()
        assert (await it.command()).status == 200
        assert it.received() == []


async def test_a_dry_run_approves_nothing_and_says_so() -> None:
    async with desk(dry_run=True) as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        why = "dry run: LEEWARD_DRY_RUN is set"
        assert await it.command() == ApproveReply(event_id="EVENT-1", status=OBJECTED, error=why)
        await it.approvals.repeat()
        assert (it.received(), it.outcomes) == ([], {ApprovalOutcome.DRY_RUN: 1})


async def test_nothing_is_approved_or_repeated_while_the_responders_are_not_done() -> None:
    async with desk(start_delay=60) as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        it.objection = "command at work for Reboot EVENT-1"
        assert (await it.command()).error == it.objection
        it.objection = ""
        assert (await it.command()).status == 200
        it.objection = "command at work for Terminate EVENT-1"
        await it.approvals.repeat()
        assert it.received() == ["Scheduled"]
        assert it.outcomes == {ApprovalOutcome.NOT_READY: 1, ApprovalOutcome.APPROVED: 1}


async def test_an_advisory_event_is_not_approved() -> None:
    async with desk() as it:
        it.imds.stage.schedule(Draft(type="Novelty", resources=("db-0",), status="Advisory"))
        await it.read()
        assert "Advisory" in ((await it.command()).error or "")
        assert it.received() == []


async def test_an_approval_is_repeated_until_the_event_has_left_scheduled() -> None:
    async with desk(start_delay=60) as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        await it.command()
        for _ in range(3):
            it.clock.turn(PATIENCE_SECONDS / 6)
            await it.read()
            await it.approvals.repeat()
        it.clock.turn(60)
        await it.read()
        for _ in range(2):
            await it.approvals.repeat()
        assert it.received() == ["Scheduled"] * 4
        assert it.outcomes == {ApprovalOutcome.APPROVED: 1, ApprovalOutcome.REPEATED: 3}


async def test_a_failed_approval_is_answered_so_and_tried_again() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        it.imds.stage.faults.add(Fault(kind=FaultKind.STATUS, status=503, count=1, method="POST"), it.clock.now())
        reply = await it.command()
        assert (reply.status, "503" in (reply.error or "")) == (503, True)
        await it.approvals.repeat()
        assert it.received() == ["Scheduled"]


async def test_a_command_that_azure_never_answers_is_given_up() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        it.imds.stage.faults.add(Fault(kind=FaultKind.STATUS, status=500, method="POST"), it.clock.now())
        await it.command()
        await it.approvals.repeat()
        it.clock.turn(PATIENCE_SECONDS)
        it.imds.stage.faults.replace((), it.clock.now())
        await it.approvals.repeat()
        assert it.received() == []
        assert it.outcomes == {ApprovalOutcome.FAILED: 2}


async def test_an_approval_that_azure_calls_wrong_is_not_repeated() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        it.imds.stage.cancel("EVENT-1")
        assert (await it.command()).status == 400
        await it.approvals.repeat()
        assert it.received() == ["unknown"]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"eventId":1,"reason":"","decidedBy":""}', b"\xff"])
async def test_what_is_no_command_is_refused(payload: bytes) -> None:
    async with desk() as it:
        with pytest.raises(MessageRefusedError):
            await it.approvals.handle(delivery(payload))
        assert it.said.replies == []


async def test_a_retained_command_is_refused() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        payload = encode(ApproveCommand(event_id="EVENT-1", reason="old", decided_by="somebody"))
        with pytest.raises(MessageRefusedError):
            await it.approvals.handle(delivery(payload, retained=True))
        assert it.received() == []


async def test_a_storm_of_commands_for_one_event_reaches_azure_once() -> None:
    async with desk(start_delay=60) as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        replies = [await it.command() for _ in range(100)]
        assert set(map(encode, replies)) == {encode(ApproveReply(event_id="EVENT-1", status=200))}
        assert len(it.received()) == 1
        assert it.outcomes == {ApprovalOutcome.APPROVED: 1, ApprovalOutcome.ASKED_AGAIN: 99}
        it.clock.turn(SAME_ANSWER_SECONDS)
        await it.command()
        assert len(it.received()) == 2


async def test_a_storm_of_commands_for_many_events_reaches_azure_no_more_often_than_it_bears() -> None:
    async with desk(start_delay=60) as it:
        for _ in range(3 * AZURE_AT_ONCE):
            it.imds.stage.schedule(REBOOT)
        await it.read()
        replies = [await it.command(f"EVENT-{number + 1}") for number in range(3 * AZURE_AT_ONCE)]
        assert len(it.received()) == AZURE_AT_ONCE
        assert it.outcomes[ApprovalOutcome.TOO_MANY] == 2 * AZURE_AT_ONCE
        assert all(reply.error for reply in replies[AZURE_AT_ONCE:])
        it.clock.turn(1)
        assert (await it.command(f"EVENT-{3 * AZURE_AT_ONCE}")).status == 200


async def test_a_command_cannot_have_its_answer_written_where_no_replies_go() -> None:
    async with desk() as it:
        it.imds.stage.schedule(REBOOT)
        await it.read()
        forged = msgspec.structs.replace(
            delivery(command_for("EVENT-1")), response_topic="leeward/v1/hosts/db-1/events"
        )
        with pytest.raises(MessageRefusedError, match="takes no replies"):
            await it.approvals.handle(forged)
        assert it.received() == []


@pytest.mark.parametrize("changes", [{"event_id": ""}, {"event_id": "E" * 201}, {"reason": "x" * 501}])
async def test_a_command_with_texts_that_no_scheduler_sends_is_refused(changes: dict[str, str]) -> None:
    async with desk() as it:
        with pytest.raises(MessageRefusedError):
            await it.approvals.handle(delivery(command_for(**{"event_id": "EVENT-1", **changes})))
        assert it.said.replies == []


def command_for(event_id: str, reason: str = "drained") -> bytes:
    return encode(ApproveCommand(event_id=event_id, reason=reason, decided_by="scheduler-0"))
