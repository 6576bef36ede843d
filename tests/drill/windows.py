"""When what is allowed: how long a fault excuses lateness, when a job was surely disabled, held, gone or busy."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from tests.drill.records import MAY_REPEAT, Act, DrillJob, Evidence, Fault, FaultKind, Verb

LATE = 1.0
"""Seconds that a start may be late while nothing is broken."""
SETTLING = 1.5
"""A claim is made a second ahead, on a replica that may not hear of a change before it looks again."""
DOUBT = 1.0
"""How long after an answer its outcome may still be unwritten."""
HOLDING = 0.5
"""From an event's publication until no start on its host (P11 allows half of that), on a busy machine."""
POLL = 0.25


class Span(msgspec.Struct, frozen=True):
    """From an instant to another."""

    began: float
    ended: float

    def meets(self, began: float, ended: float) -> bool:
        """Whether the two have an instant in common."""
        return self.began <= ended and began <= self.ended


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.began):
        if joined and span.began <= joined[-1].ended:
            joined[-1] = Span(joined[-1].began, max(joined[-1].ended, span.ended))
        else:
            joined.append(span)
    return joined


def idle(spans: Sequence[Span], began: float, ended: float) -> float:
    """Return the longest stretch between two instants that no span covers."""
    longest, free_from = 0.0, began
    for span in merged(spans):
        if span.began > free_from:
            longest = max(longest, min(span.began, ended) - free_from)
        free_from = max(free_from, span.ended)
        if free_from >= ended:
            return longest
    return max(longest, ended - free_from)


class Windows:
    """The evidence's faults, calls and events as spans of time."""

    def __init__(self, evidence: Evidence) -> None:
        self.recovery = evidence.lease + POLL + 2.0
        """R4's floor: everything is as before so long after a fault."""
        self._faults = evidence.faults
        self._disturbed = merged(Span(fault.began - LATE, fault.ended + self.recovery) for fault in evidence.faults)
        self._doubts = [
            Span(fault.began - DOUBT, fault.ended + self.recovery)
            for fault in evidence.faults
            if fault.kind in MAY_REPEAT
        ]
        self._maintenances = evidence.maintenances
        self._acts: dict[str, list[Act]] = defaultdict(list)
        for act in sorted(evidence.acts, key=lambda act: act.called):
            self._acts[act.job].append(act)

    def deadline(self, due: float) -> float:
        """Return when what is due then must have started: within LATE, or once a fault's recovery is over."""
        deadline = due + LATE
        for span in self._disturbed:
            if span.meets(due, deadline):
                deadline = max(deadline, span.ended)
        return deadline

    def in_doubt(self, began: float, ended: float) -> bool:
        """Whether a fault may have kept the outcome of a call made between the two instants from being known."""
        return any(span.meets(began, ended) for span in self._doubts)

    def during(self, began: float, ended: float, *kinds: FaultKind, margin: float = LATE) -> bool:
        """Whether a fault of these kinds was on between the two instants, or was over less than `margin` before."""
        return any(
            fault.kind in kinds and fault.began - margin <= ended and began <= fault.ended + margin
            for fault in self._faults
        )

    def near(self, began: float, ended: float) -> list[Fault]:
        """Return the faults that were on between two instants or shortly before."""
        return [fault for fault in self._faults if fault.began <= ended and began <= fault.ended + self.recovery]

    # -- what callers did ----------------------------------------------------------------------------------------------

    def acts(self, job: str, *verbs: Verb) -> list[Act]:
        """Return what was done with a job, in order."""
        return [act for act in self._acts[job] if not verbs or act.verb in verbs]

    def deleted(self, job: str) -> Act | None:
        """Return the deletion of a job, if there was one."""
        return next(iter(self.acts(job, Verb.DELETE)), None)

    def disabled(self, job: str, *, surely: bool) -> list[Span]:
        """Return when a job was disabled: `surely`, or possibly (while a call was under way it may have been)."""
        spans, closed = [], None
        for act in self.acts(job, Verb.DISABLE, Verb.ENABLE):
            if act.verb is Verb.DISABLE:
                closed = closed if closed is not None else (act.done if surely else act.called)
            elif closed is not None:
                spans.append(Span(closed, act.called if surely else act.done))
                closed = None
        if closed is not None:
            spans.append(Span(closed, float("inf")))
        return spans

    # -- events --------------------------------------------------------------------------------------------------------

    def held(self, job: DrillJob) -> list[Span]:
        """Return when the host that a job is bound to was threatened."""
        return [
            Span(event.began, event.ended)
            for event in self._maintenances
            if job.host in (event.host, None) and (job.host or job.pool)
        ]

    def threatened(self, host: str) -> list[Span]:
        """Return when starts on a host were surely forbidden, the time that the news takes left out."""
        return [Span(event.began + HOLDING, event.ended) for event in self._maintenances if event.host == host]
