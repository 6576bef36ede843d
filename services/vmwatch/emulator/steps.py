"""The steps of a timeline: what may stand in one, and what each does to the stage (docs/emulator.md)."""

import msgspec

from services.vmwatch.emulator.clock import Length, Notice
from services.vmwatch.emulator.events import Draft, Impact
from services.vmwatch.emulator.faults import Fault
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.errors import UnknownEventError


class Raised:
    """The ids of the events that steps have raised, by the names that the timeline gives them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: dict[str, str] = {}

    def note(self, event: str, event_id: str) -> None:
        """Remember the id of a named event."""
        self._ids[event] = event_id

    def id_of(self, event: str) -> str:
        """Return the id of a named event; raises UnknownEventError when it could not be raised."""
        if event not in self._ids:
            raise UnknownEventError(f"event {event!r} was not raised")
        return self._ids[event]


class _Step(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="do", tag=str.lower, forbid_unknown_fields=True
):
    """What every step has: `at`, seconds of Azure's time since the beginning; `take` does it."""

    at: Length


class Schedule(_Step, frozen=True, kw_only=True):
    """Raise an event; later steps call it by `event`."""

    event: str
    type: str
    resources: tuple[str, ...]
    id: str | None = None
    status: str = "Scheduled"
    source: str = "Platform"
    description: str | None = None
    notice_seconds: Notice | None = None
    duration_seconds: int | None = None
    started_seconds: Length | None = None
    impacts: tuple[Impact, ...] = ()

    def draft(self) -> Draft:
        """Return the event to raise."""
        fields = {name: getattr(self, name) for name in Draft.__struct_fields__}
        return Draft(**fields)

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        raised.note(self.event, stage.schedule(self.draft()).id)


class Start(_Step, frozen=True, kw_only=True):
    """Start an event at once."""

    event: str

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.start(raised.id_of(self.event))


class Finish(_Step, frozen=True, kw_only=True):
    """End an event as completed."""

    event: str

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.finish(raised.id_of(self.event))


class Approve(_Step, frozen=True, kw_only=True):
    """Approve an event from outside the VMs, as by Azure Resource Manager."""

    event: str

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.approve_centrally(raised.id_of(self.event))


class Interrupt(_Step, frozen=True, kw_only=True, tag="impact"):
    """Let a started event's VMs stand still for so many seconds more."""

    event: str
    seconds: Length

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.interrupt(raised.id_of(self.event), self.seconds)


class Cancel(_Step, frozen=True, kw_only=True):
    """Withdraw an event."""

    event: str

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.cancel(raised.id_of(self.event))


class Reschedule(_Step, frozen=True, kw_only=True):
    """Move an event's NotBefore to so many seconds after this step."""

    event: str
    notice_seconds: Notice

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.reschedule(raised.id_of(self.event), self.notice_seconds)


class Faulty(_Step, frozen=True, kw_only=True, tag="fault"):
    """Add a fault."""

    fault: Fault

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.faults.add(self.fault, stage.pace.now())


class Heal(_Step, frozen=True, kw_only=True):
    """End all faults."""

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.faults.replace((), stage.pace.now())


class Reset(_Step, frozen=True, kw_only=True):
    """Let the incarnation fall or jump."""

    incarnation: int = 1

    def take(self, stage: Stage, raised: Raised) -> None:
        """Do it now."""
        stage.reset(self.incarnation)


Step = Schedule | Start | Finish | Approve | Interrupt | Cancel | Reschedule | Faulty | Heal | Reset
AboutEvent = Start | Finish | Approve | Interrupt | Cancel | Reschedule
