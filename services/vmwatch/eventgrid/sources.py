"""The two sources as one: holds what each has said, and whether anything comes of it for the bus."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from services.vmwatch.eventgrid import courses
from services.vmwatch.eventgrid.courses import NOTHING, Blend, Courses
from services.vmwatch.eventgrid.envelopes import Told, Unrelated
from services.vmwatch.metrics import GridOutcome
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Event

_IDS_KEPT: Final = 5000
"""Envelopes remembered: one that comes again after so many others is merged again, which changes nothing."""
_log = get_logger(__name__)


class Sources:
    """What the metadata service and Event Grid have said, merged."""

    def __init__(self, clock: Clock, *, scope: str = "") -> None:
        """`scope` is the ARM id below which resources must be; empty: anywhere."""
        self._clock = clock
        self._scope = scope.lower().rstrip("/")
        self._courses: Courses = NOTHING
        self._envelopes: OrderedDict[str, None] = OrderedDict()
        self._changed: Callable[[], None] = lambda: None

    def on_news(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever Event Grid has told something new."""
        self._changed = changed

    def read(self, events: Iterable[Event]) -> Blend:
        """Take in a good answer of the metadata service; return what both sources come to."""
        self._courses = courses.hear_document(self._courses, events, self._clock.now())
        return self.look()

    def look(self) -> Blend:
        """Return what both sources come to now."""
        self._courses = courses.forget(self._courses, self._clock.now())
        return courses.blend(self._courses)

    def tell(self, told: Told | Unrelated) -> GridOutcome:
        """Take in one thing that Event Grid tells; return what became of it."""
        if isinstance(told, Unrelated):
            return GridOutcome.UNRELATED
        if not self._is_within(told.scope):
            return GridOutcome.OUT_OF_SCOPE
        if told.envelope_id in self._envelopes:
            return GridOutcome.DUPLICATE
        if not courses.has_room(self._courses, told):
            _log.error("no room for more events of Event Grid", event_id=told.event.event_id)
            return GridOutcome.NO_ROOM
        self._remember(told.envelope_id)
        self._take(told)
        return GridOutcome.TAKEN

    def _take(self, told: Told) -> None:
        if told.doubts:
            _log.warning("event partly unreadable", doubts=told.doubts)
        before = self._courses
        self._courses = courses.hear_told(before, told, self._clock.now())
        if self._courses is not before:
            event = told.event
            _log.info("Event Grid tells", event_id=event.event_id, type=event.type, status=event.status)
            self._changed()

    def _is_within(self, scope: str) -> bool:
        return not self._scope or scope == self._scope or scope.startswith(f"{self._scope}/")

    def _remember(self, envelope_id: str) -> None:
        self._envelopes[envelope_id] = None
        if len(self._envelopes) > _IDS_KEPT:
            self._envelopes.popitem(last=False)
