"""`leeward-vmwatch --print`: what a watcher sees, on the terminal and without a broker, for a first try on a VM."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from services.vmwatch.advice import advice_on
from services.vmwatch.documents import SCHEDULED, Document
from services.vmwatch.errors import MetadataError
from services.vmwatch.identity import Identity
from services.vmwatch.imds import ImdsClient
from services.vmwatch.notices import concerns
from services.vmwatch.pauses import Pauses
from services.vmwatch.tracker import Transition, advance
from shared.clock import Clock
from shared.messages import Event, Inventory, NoticeKind, encode


class Style(StrEnum):
    """How lines are printed: in words, or as JSON for programs."""

    TEXT = "text"
    JSON = "json"


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing to tell.

    `what` is `host`, `asking`, `reading`, `calm`, `trouble`, or what happened to an event (`NoticeKind`); `here` says
    whether an event names this VM.
    """

    at: datetime
    what: str
    host: Inventory | None = None
    event: Event | None = None
    here: bool | None = None
    message: str = ""
    advice: str = ""


_ENDINGS: Final = {NoticeKind.COMPLETED: "is over", NoticeKind.CANCELLED: "was cancelled"}


class Viewer:
    """Tells who this VM is and each change of its events, until it is cancelled."""

    def __init__(
        self,
        client: ImdsClient,
        identity: Identity,
        *,
        clock: Clock,
        write: Callable[[str], None],
        style: Style,
        poll_seconds: float,
    ) -> None:
        """Have told nothing yet; `write` takes whole lines."""
        self.reads = False
        self._client = client
        self._identity = identity
        self._clock = clock
        self._write = write
        self._style = style
        self._poll_seconds = poll_seconds
        self._inventory: Inventory | None = None
        self._events: tuple[Event, ...] | None = None
        self._told = ""
        self._told_of_host = ""

    async def run(self) -> None:
        """Look again and again; what is told once is not told again until it has changed."""
        self._tell("asking", message="for scheduled events; the first answer may take two minutes")
        pauses = Pauses()
        while True:
            await self._look_at_host()
            pause = self._poll_seconds
            try:
                self._take(await self._client.read_events())
                pauses.clear()
            except MetadataError as fault:
                self._complain(fault)
                pause = max(pause, pauses.after(fault))
            await asyncio.sleep(pause)

    async def _look_at_host(self) -> None:
        inventory = await self._identity.refresh()
        if inventory is not None and inventory != self._inventory:
            self._inventory = inventory
            self._tell("host", host=inventory)
        elif inventory is None and self.reads and self._told_of_host != self._identity.trouble:
            self._told_of_host = self._identity.trouble
            self._tell("trouble", message=self._told_of_host)

    def _take(self, document: Document) -> None:
        known, recovered = self._events, not self.reads
        step = advance(known or (), document.events, self._clock.now())
        self._events, self.reads, self._told = step.events, True, ""
        for transition in step.transitions:
            self._tell(transition.kind, event=transition.event, here=self._is_here(transition))
        if not step.events and (recovered or step.transitions):
            self._tell("calm", message="(no events)")
        elif recovered and not step.transitions:
            self._tell("reading", message="again: what was told of events stands")

    def _is_here(self, transition: Transition) -> bool | None:
        return concerns(transition, self._inventory.host) if self._inventory else None

    def _complain(self, fault: MetadataError) -> None:
        self.reads = False
        if str(fault) != self._told:
            self._told = str(fault)
            self._tell("trouble", message=str(fault), advice=advice_on(fault.outcome))

    def _tell(
        self,
        what: str,
        *,
        host: Inventory | None = None,
        event: Event | None = None,
        here: bool | None = None,
        message: str = "",
        advice: str = "",
    ) -> None:
        line = Line(at=self._clock.now(), what=what, host=host, event=event, here=here, message=message, advice=advice)
        self._write(encode(line).decode() if self._style is Style.JSON else to_words(line))


def to_words(line: Line) -> str:
    """Return a line as people read it."""
    said = line.message if line.what == "trouble" else f"{line.what} {line.message}"
    if line.host is not None:
        said = _host_words(line.host)
    elif line.event is not None:
        said = _event_words(line, line.event)
    hint = f"\n           what to do: {line.advice}" if line.advice else ""
    return f"{line.at:%H:%M:%S}Z  {said}{hint}"


def _host_words(host: Inventory) -> str:
    facts = {
        "computer name": host.computer_name,
        "addresses": ", ".join(host.addresses),
        "pools": ", ".join(host.pools),
        "group": host.group,
        "scale set": host.scale_set,
        "zone": host.zone,
        "priority": host.priority,
    }
    known = "; ".join(f"{name} {value}" for name, value in facts.items() if value)
    return f"this VM is {host.host}" + (f" ({known})" if known else "")


def _event_words(line: Line, event: Event) -> str:
    who = ", ".join(event.resources) or "no VM"
    whose = {True: " (this VM)", False: " (other VMs)", None: ""}[line.here]
    return f"{event.type} of {who}{whose} {_happened(line, event)}{_facts(event)} [{event.event_id}]"


def _happened(line: Line, event: Event) -> str:
    if line.what in _ENDINGS:
        return _ENDINGS[NoticeKind(line.what)]
    if line.what == NoticeKind.STARTED:
        return "has started"
    status = "" if event.status == SCHEDULED else f" as {event.status}"
    verb = "is announced" if line.what == NoticeKind.SCHEDULED else "has changed"
    return f"{verb}{status}{_deadline(event, line.at)}"


def _deadline(event: Event, now: datetime) -> str:
    if event.not_before is None:
        return ""
    left = timedelta(seconds=round((event.not_before - now).total_seconds()))
    notice = f"in {left}" if left > timedelta() else "which has passed"
    return f", not before {event.not_before:%Y-%m-%d %H:%M:%S}Z, {notice}"


def _facts(event: Event) -> str:
    lasts = "" if event.duration_seconds is None else f"lasts {event.duration_seconds} s"
    asked = f"asked for by {event.source}" if event.source else ""
    facts = "; ".join(fact for fact in (lasts, asked, event.description) if fact)
    return f" ({facts})" if facts else ""
