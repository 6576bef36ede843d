"""What a responder is: work that an event asks of the host itself, done before the host counts as drained.

The desk (`desk`) calls responders and holds the approval back with a block on the bus until all of them are done.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from services.vmwatch.errors import ResponderError, UnheardError
from shared.messages import DrainState, Event

__all__ = ["Errand", "Responder", "ResponderError", "UnheardError"]


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One event that hits this host, as it stands now.

    `host` is the VM's resource name, `computer_name` its host name. `deadline` is when the event may begin (NotBefore;
    None: at any moment), `drain` how far the scheduler has emptied the host (None: it has not said yet). `others` are
    further events that hit this host now.
    """

    host: str
    computer_name: str
    event: Event
    deadline: datetime | None
    drain: DrainState | None = None
    others: tuple[Event, ...] = ()


class Responder(Protocol):
    """Does one kind of work for the events that it is for.

    One call at a time for each event; those of several events overlap. `prepare` is cancelled when the deadline has
    come, as the event then has it: it may have moved earlier since the call. Any call is cancelled when the event ends,
    when its own time is up, and when the watcher stops; one that does something must clean up then. Every call may come
    again after a restart of the watcher: what was done already must do no harm.
    """

    @property
    def name(self) -> str:
        """Name it in metrics, logs and blocks, such as `kubernetes`; from a closed set."""
        ...

    def concerns(self, event: Event) -> bool:
        """Whether it has anything to do for an event."""
        ...

    async def prepare(self, errand: Errand) -> None:
        """Make the host ready for the event: called at first sight, and again only when the event's type changes.

        A restart of the watcher calls again what had not returned. The host counts as drained only once this has
        returned. Raises ResponderError, and then it does not count as drained at all; UnheardError when the work was
        only to tell somebody, which nothing waits for.
        """
        ...

    async def drained(self, errand: Errand) -> None:
        """Hear that everything has left the host: jobs by the scheduler's word, the rest by `prepare`.

        Raises ResponderError.
        """
        ...

    async def failed(self, errand: Errand, why: str) -> None:
        """Hear that the host was not made ready: a responder failed, or the deadline came first.

        That may be known before `prepare` was ever called. Raises ResponderError.
        """
        ...

    async def resume(self, errand: Errand) -> None:
        """Put the host back to work: the event is over. `others` say whether another one stands.

        Raises ResponderError, and is then called again in a while, until it has been done.
        """
        ...


@runtime_checkable
class Reschedulable(Protocol):
    """A responder that can be told another deadline while `prepare` is under way."""

    def reschedule(self, errand: Errand) -> None:
        """Hear that an event that is prepared for may begin at another time than was known."""
        ...


@runtime_checkable
class Rehearsing(Protocol):
    """A responder that can try `prepare` out and change nothing; called in a dry run."""

    async def rehearse(self, errand: Errand) -> None:
        """Try what `prepare` would do, and log what would become of it. Raises ResponderError."""
        ...


@runtime_checkable
class Tidying(Protocol):
    """A responder that leaves traces outside of this host, which may outlive the file of cases."""

    async def tidy(self, host: str, computer_name: str, standing: Callable[[], Iterable[Event]]) -> None:
        """Undo what no event stands behind any more: called once in a life, when the first document has been read.

        `standing` gives the events that hit this host at the time. Raises ResponderError.
        """
        ...
