"""Whatever is ordered in whatever order, emulated events live as Azure's do (reference §1.3, §1.4, §1.10)."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Approvals, Board, Draft, Habits, RehearsedEvent
from services.vmwatch.emulator.wire import EVENT_VERSIONS, render_events
from services.vmwatch.errors import RehearsalError, UnknownEventError
from tests.parts.watching import NOON, TurnedClock

VMS = ("db-0", "db-1")
IDS = ("A", "B", "C")
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["schedule", "approve", "cancel", "start", "finish", "reschedule", "look"]),
        st.sampled_from(IDS),
        st.sampled_from(["Terminate", "Reboot", "Freeze"]),
        st.integers(0, 900),
        st.floats(0, 400),
    ),
    max_size=40,
)


class Story:
    """A board that gets orders, and what its readers have seen of each event."""

    def __init__(self, approvals: Approvals) -> None:
        self.board = Board(Pace(TurnedClock()), Habits(approvals=approvals, start_delay=5))
        self.now = NOON
        self.seen: dict[str, RehearsedEvent] = {}
        self.document: tuple[int, object] = (0, None)

    def take(self, order: tuple[str, str, str, int, float]) -> None:
        """Carry an order out, then look; an order that cannot be carried out is refused."""
        verb, event_id, kind, notice, wait = order
        self.now += timedelta(seconds=wait)
        self.board.advance(self.now)
        try:
            self._order(verb, event_id, kind, notice)
        except (RehearsalError, UnknownEventError):
            assert verb != "look"
        self.look()

    def _order(self, verb: str, event_id: str, kind: str, notice: int) -> None:
        match verb:
            case "schedule":
                self.board.schedule(Draft(type=kind, resources=VMS, notice_seconds=notice), event_id, self.now)
                self.seen.pop(event_id, None)
            case "approve":
                self.board.approve(event_id, VMS[notice % 2], VMS, self.now)
            case "reschedule":
                self.board.reschedule(event_id, notice, self.now)
            case "cancel" | "start" | "finish":
                getattr(self.board, verb)(event_id, self.now)

    def look(self) -> None:
        """Read the document and hold it against what was read before."""
        events = self.board.advance(self.now)
        shown = render_events(0, events, EVENT_VERSIONS[-1])["Events"]
        incarnation, earlier = self.document
        assert shown == earlier or self.board.incarnation > incarnation
        self.document = (self.board.incarnation, shown)
        for event in events:
            self._check(event)
            self.seen[event.id] = event

    def _check(self, event: RehearsedEvent) -> None:
        before = self.seen.get(event.id)
        assert not (before and before.status == "Started" and event.status == "Scheduled")
        assert event.status == ("Scheduled" if event.end_at is None else "Started")
        assert event.start_at <= event.not_before or event.end_at is not None
        assert event.due_at > self.now


@settings(max_examples=150, deadline=None)
@given(orders=ORDERS, approvals=st.sampled_from(Approvals))
def test_any_orders_leave_a_story_that_azure_could_have_told(
    orders: list[tuple[str, str, str, int, float]], approvals: Approvals
) -> None:
    story = Story(approvals)
    story.look()
    for order in orders:
        story.take(order)
    story.now += timedelta(days=365)
    story.look()
    assert story.document[1] == []
    endings = story.board.endings
    assert all(ending.outcome == "completed" for ending in endings if ending.event.status == "Started")
    assert all(ending.outcome == "cancelled" for ending in endings if ending.event.status == "Scheduled")
