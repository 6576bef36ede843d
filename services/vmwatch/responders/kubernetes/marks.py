"""The mark on a node that says whose cordon it is and for which events; pure: a node in, a patch out.

Cordon, taint and mark change in one write, so that no end of a process can part them: whoever comes back finds on the
node all there is to know. The patches carry the version of the node that they were made from.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from services.vmwatch.responders.kubernetes.objects import Node, Taint
from shared.entries import write_time
from shared.messages import Instant

MARK: Final = "leeward.io/cordon"
"""The annotation; who takes it off a node makes the cordon their own."""
MANAGER: Final = "leeward-vmwatch"
"""The field manager of our writes: the API server keeps who set `unschedulable` last."""
EFFECT: Final = "NoSchedule"


class Cordon(StrEnum):
    """Whose cordon a marked node has: ours, or somebody's who was there before."""

    OURS = "ours"
    THEIRS = "theirs"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the annotation says, in JSON."""

    by: str = MANAGER
    host: str
    events: tuple[str, ...]
    cordon: Cordon
    taint: str
    since: Instant


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a node: a JSON merge patch."""

    version: str
    closed: bool | None
    """None: as it is."""
    mark: Mark | None
    taints: tuple[Taint, ...]

    def body(self) -> dict[str, object]:
        """Return the merge patch; the API server refuses it (409) once the node has changed."""
        mark = None if self.mark is None else msgspec.json.encode(self.mark).decode()
        spec: dict[str, object] = {"taints": [_taint(taint) for taint in self.taints] or None}
        if self.closed is not None:
            spec["unschedulable"] = True if self.closed else None
        return {"metadata": {"resourceVersion": self.version, "annotations": {MARK: mark}}, "spec": spec}


def read_mark(node: Node) -> Mark | None:
    """Return our mark on a node, None without one; one that cannot be read is none, and its cordon not ours."""
    try:
        return msgspec.json.decode(node.annotations[MARK], type=Mark)
    except (KeyError, msgspec.DecodeError):
        return None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants a node closed, for which event, of all those that stand."""

    host: str
    event_id: str
    event_type: str
    standing: frozenset[str]
    taint: str


def close(node: Node, claim: Claim, now: datetime) -> Patch | None:
    """Return the patch that closes a node for an event; None when nothing is to be changed."""
    known = read_mark(node)
    ours = not node.closed or (known is not None and known.cordon is Cordon.OURS)
    before = [event for event in (known.events if known else ()) if event in claim.standing]
    mark = Mark(
        host=claim.host,
        events=tuple(dict.fromkeys([*before, claim.event_id])),
        cordon=Cordon.OURS if ours else Cordon.THEIRS,
        taint=claim.taint,
        since=known.since if known else now,
    )
    taints = _without(node.taints, {claim.taint, known.taint if known else claim.taint})
    if claim.taint:
        taints = (*taints, Taint(key=claim.taint, effect=EFFECT, value=_value(claim, node)))
    if known == mark and node.closed and frozenset(taints) == frozenset(node.taints):
        return None
    return Patch(version=node.version, closed=None if node.closed else True, mark=mark, taints=taints)


def reopen(node: Node, standing: Iterable[str]) -> Patch | None:
    """Return the patch after events: it opens a node only if we closed it and no other event stands.

    None when there is nothing to change: the node has no mark of ours, and so was never closed by us, or is somebody
    else's by now.
    """
    mark = read_mark(node)
    if mark is None:
        return None
    on = dict.fromkeys(standing)
    left = tuple(dict.fromkeys([*(event for event in mark.events if event in on), *on]))
    if left:
        kept = msgspec.structs.replace(mark, events=left)
        return None if kept == mark else Patch(version=node.version, closed=None, mark=kept, taints=node.taints)
    opens = mark.cordon is Cordon.OURS and not is_taken_over(node)
    return Patch(
        version=node.version,
        closed=False if opens and node.closed else None,
        mark=None,
        taints=_without(node.taints, {mark.taint}),
    )


def is_taken_over(node: Node) -> bool:
    """Whether somebody else has closed the node since: it was opened by hand or by a tool, and closed again."""
    return bool(node.closers) and node.closers != {MANAGER}


def _value(claim: Claim, node: Node) -> str:
    """Return the taint's value: the type of the event that came first, so that a second one does not change it."""
    ours = (taint.value for taint in node.taints if taint.key == claim.taint and taint.effect == EFFECT)
    return next((value for value in ours if value), claim.event_type.lower())


def _without(taints: Iterable[Taint], keys: set[str]) -> tuple[Taint, ...]:
    return tuple(taint for taint in taints if taint.key not in keys or taint.effect != EFFECT)


def _taint(taint: Taint) -> Mapping[str, str]:
    added = None if taint.added is None else write_time(taint.added)
    fields = {"key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": added}
    return {name: value for name, value in fields.items() if value is not None}
