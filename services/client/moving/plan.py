"""What an import will do: everything wanted, put beside what is there."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from services.client.errors import MovingError
from services.client.moving.comparison import same_collection, same_job
from services.client.moving.differences import Change
from services.client.moving.translation import Wanted, has_ended, state_of

IMPLIED = "the files do not describe it; it is made as it is needed"
"""The note of a collection that only jobs speak of."""


class Outcome(StrEnum):
    """What becomes of one collection or job.

    CREATED, UPDATED, UNCHANGED and DELETED (by `leeward apply --prune` alone) need no attention. SKIPPED is what this
    version cannot carry, or what lacks its secrets, REFUSED what the scheduler would not take.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One collection or job, and what happens to it; `why` says so when it does not come over."""

    wanted: Wanted
    outcome: Outcome
    why: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether it is to be sent."""
        return self.outcome in (Outcome.CREATED, Outcome.UPDATED)


class There(msgspec.Struct, frozen=True, kw_only=True):
    """What the scheduler has: collections, and jobs by collection; every name in lower case."""

    collections: Mapping[str, Mapping[str, Any]]
    jobs: Mapping[str, Mapping[str, Mapping[str, Any]]]


def merged(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return each collection and job once, collections first, those added that only jobs speak of.

    Raises MovingError when two files say different things about one name.
    """
    found: dict[str, Wanted] = {}
    for one in wanted:
        key = one.name.lower()
        if key in found and found[key].document != one.document:
            raise MovingError(f"{one.name} comes twice, with different content")
        found.setdefault(key, one)
    homes = {one.collection.lower(): one.collection for one in found.values() if not one.obstacles}
    for key, name in homes.items():
        found.setdefault(key, Wanted(collection=name, document={}, notes=(IMPLIED,)))
    return sorted(found.values(), key=lambda one: one.job is not None)


def closed(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return everything with its collections disabled: nothing runs before somebody enables them."""
    shut = {"state": "Disabled"}
    return [one if one.job else msgspec.structs.replace(one, document=one.document | shut) for one in wanted]


def plan(wanted: Sequence[Wanted], there: There) -> list[Step]:
    """Return what has to be done for everything in `wanted` (as `merged` gives it), in order."""
    left_out = {one.collection.lower() for one in wanted if one.job is None and one.obstacles}
    return [_collection_step(one, there) if one.job is None else _job_step(one, there, left_out) for one in wanted]


def document_to_send(wanted: Wanted) -> dict[str, Any]:
    """Return a job as it is written: nobody can write that a job has ended, so such a one is disabled."""
    document = {**wanted.document, "name": wanted.job}
    return {**document, "state": "Disabled"} if has_ended(wanted.document) else document


def counts(steps: Iterable[Step]) -> dict[str, dict[str, int]]:
    """Return how many collections and jobs there are of each outcome."""
    tally = Counter((step.outcome, "jobs" if step.wanted.job else "collections") for step in steps)
    return {
        outcome.value: {kind: tally[outcome, kind] for kind in ("collections", "jobs")}
        for outcome in Outcome
        if tally[outcome, "collections"] or tally[outcome, "jobs"]
    }


def _collection_step(wanted: Wanted, there: There) -> Step:
    if wanted.obstacles:
        return Step(wanted=wanted, outcome=Outcome.SKIPPED, why=wanted.obstacles)
    existing = there.collections.get(wanted.collection.lower())
    if existing is None:
        return Step(wanted=wanted, outcome=Outcome.CREATED)
    implied = IMPLIED in wanted.notes
    if implied or same_collection(wanted.document, existing):
        bare = msgspec.structs.replace(wanted, notes=() if implied else wanted.notes)
        return Step(wanted=bare, outcome=Outcome.UNCHANGED)
    return Step(wanted=wanted, outcome=Outcome.UPDATED)


def _job_step(wanted: Wanted, there: There, left_out: set[str]) -> Step:
    home = wanted.collection.lower()
    if wanted.obstacles:
        return Step(wanted=wanted, outcome=Outcome.SKIPPED, why=wanted.obstacles)
    if home in left_out:
        return Step(wanted=wanted, outcome=Outcome.SKIPPED, why=("its collection is left out",))
    existing = there.jobs.get(home, {}).get(str(wanted.job).lower())
    if existing is None:
        return _written(wanted, Outcome.CREATED)
    # Behind a closed collection every job reads "disabled": only writing makes sure of its own state.
    hidden = state_of(there.collections.get(home, {})) != "enabled" and state_of(existing) == "disabled"
    if not hidden and same_job(wanted.document, existing):
        return Step(wanted=wanted, outcome=Outcome.UNCHANGED)
    return _written(wanted, Outcome.UPDATED)


def _written(wanted: Wanted, outcome: Outcome) -> Step:
    """Return the step that writes a job, which a job without its secrets cannot be."""
    if wanted.missing:
        return Step(wanted=wanted, outcome=Outcome.SKIPPED, why=wanted.missing)
    return Step(wanted=wanted, outcome=outcome)
