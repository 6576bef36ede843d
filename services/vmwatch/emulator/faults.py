"""Faults on order: what the emulated service answers instead of the truth, to whom, and for how long."""

from datetime import datetime
from enum import StrEnum

import msgspec

from services.vmwatch.emulator.clock import Length, Pace


class FaultKind(StrEnum):
    """What goes wrong.

    STATUS: an HTTP error; TIMEOUT: no answer; GARBAGE, HTML, EMPTY, ERROR: a 200 with that instead of a document;
    TRUNCATED: the connection ends in mid-body; RESET: before any answer; REDIRECT: to a document that says "calm";
    HUGE: a body without end; SLOW: the truth, `delaySeconds` later.
    """

    STATUS = "status"
    TIMEOUT = "timeout"
    GARBAGE = "garbage"
    HTML = "html"
    EMPTY = "empty"
    ERROR = "error"
    TRUNCATED = "truncated"
    RESET = "reset"
    REDIRECT = "redirect"
    HUGE = "huge"
    SLOW = "slow"


class Endpoint(StrEnum):
    """What a fault hits."""

    EVENTS = "scheduledevents"
    INSTANCE = "instance"


class Fault(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An order: for `count` requests, for `seconds` of Azure's time, or until the faults are replaced.

    `method` and `vm` narrow it down; `status` is that of kind `status`, `delay_seconds` that of kind `slow`.
    """

    kind: FaultKind
    status: int = 500
    delay_seconds: Length = 2.0
    count: int | None = None
    seconds: Length | None = None
    method: str | None = None
    vm: str | None = None
    endpoint: Endpoint = Endpoint.EVENTS


class _Standing(msgspec.Struct):
    fault: Fault
    left: int | None
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        return (self.left is None or self.left > 0) and (self.until is None or now < self.until)

    def hits(self, vm: str, method: str, endpoint: Endpoint) -> bool:
        return (
            self.fault.endpoint is endpoint
            and (self.fault.vm or vm).lower() == vm.lower()
            and (self.fault.method or method).upper() == method
        )


class Faults:
    """The faults that stand; the first that fits a request is used."""

    def __init__(self, pace: Pace) -> None:
        """Begin without faults."""
        self._pace = pace
        self._standing: list[_Standing] = []

    def replace(self, faults: tuple[Fault, ...], now: datetime) -> None:
        """Let exactly these faults stand from now on; none ends them all."""
        self._standing = []
        for fault in faults:
            self.add(fault, now)

    def add(self, fault: Fault, now: datetime) -> None:
        """Let one more fault stand."""
        until = None if fault.seconds is None else now + self._pace.span(fault.seconds)
        self._standing.append(_Standing(fault, fault.count, until))

    def take(self, vm: str, method: str, endpoint: Endpoint, now: datetime) -> Fault | None:
        """Return the fault that hits this request and use one of its count up; None when all is well."""
        self._standing = [standing for standing in self._standing if standing.holds(now)]
        for standing in self._standing:
            if standing.hits(vm, method, endpoint):
                standing.left = None if standing.left is None else standing.left - 1
                return standing.fault
        return None

    def current(self, now: datetime) -> tuple[Fault, ...]:
        """Return what stands now."""
        return tuple(standing.fault for standing in self._standing if standing.holds(now))
