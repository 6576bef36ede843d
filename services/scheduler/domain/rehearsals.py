"""Rehearsals: events that an operator announces to see what one would do; how they are told from Azure's. Pure."""

from datetime import timedelta

import msgspec

TYPES = ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate")
"""What can be rehearsed: Azure's own types."""
SOURCE = "Rehearsal"
"""Who has an event of ours announced, beside Azure's `Platform` and `User`."""
PREFIX = "REHEARSAL-"
"""What the id of each rehearsal begins with; Azure's ids are GUIDs, and no watcher is believed about such an id."""
LABEL = "Rehearsal:"
"""What its description begins with."""
NOT_ASKED = "a rehearsal: nothing is asked of Azure"
"""Why it is never approved."""
AT_ONCE = 5
"""Rehearsals that may be on at a time."""
MOST_HOSTS = 100
"""Hosts of one: as many as Azure puts into a placement group."""
LONGEST_NOTICE = timedelta(hours=1)
LONGEST = timedelta(hours=1)
"""How long it may keep jobs off before its start, and after it: whoever forgets one has them back in two hours."""
MAX_DESCRIPTION = 200
"""Characters of what an operator says about it."""


class RehearsalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rehearsed: a type of TYPES, on which hosts, how long before its start, and for how long."""

    type: str
    hosts: tuple[str, ...]
    notice: timedelta
    duration: timedelta
    description: str = ""


def is_rehearsal(event_id: str) -> bool:
    """Whether an event is a rehearsal, by its id."""
    return event_id.upper().startswith(PREFIX)


def kind_words(event_id: str, kind: str) -> str:
    """Return an event's type for people, who must not take a rehearsal for the real thing."""
    return f"rehearsed {kind}" if is_rehearsal(event_id) else kind


def described(description: str) -> str:
    """Return what an event says about itself that an operator describes so."""
    said = description.strip().removeprefix(LABEL).strip()
    return f"{LABEL} {said}" if said else f"{LABEL} nothing happens to the machines."
