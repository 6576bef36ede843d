"""What applying files will do: each document put beside what is there, and what the files no longer have. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from services.client.applying.form import Entry
from services.client.applying.ownership import Mark, mark_for, mark_of, marked, unmarked
from services.client.applying.secrets import without_secrets
from services.client.moving.comparison import canonical_collection, canonical_pair
from services.client.moving.differences import Change, changes
from services.client.moving.fields import READ_ONLY
from services.client.moving.plan import IMPLIED, Outcome, Step, There, merged
from services.client.moving.translation import Wanted, has_ended, state_of, translate

_NO_STATE = "its state is not compared: its collection is disabled, so every job there reads disabled"
_ANEW = "has run to its end and starts anew"
_SECRETS = "secrets"


class Extent(StrEnum):
    """How far applying goes with jobs that are in a collection and not, or not as they are, in the files.

    NAMED: they are left alone. PRUNE: what was applied once, and is in the files no more, is deleted.
    """

    NAMED = "named"
    PRUNE = "prune"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How files are applied: whose they are, how far it goes, and what is written though nothing seems to differ."""

    owner: str
    extent: Extent = Extent.NAMED
    adopt: bool = False
    secrets: bool = False


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One step with the entry that it is of; `patch` is sent instead of the whole, where that must keep something."""

    step: Step
    entry: Entry | None = None
    patch: dict[str, Any] | None = None

    @property
    def outcome(self) -> Outcome:
        """What becomes of it."""
        return self.step.outcome


def wanted_of(entries: Sequence[Entry], now: datetime) -> list[Wanted]:
    """Return what the files want, collections first, those added that only jobs speak of."""
    return merged(_translated(entry, now) for entry in entries)


def apply_plan(entries: Sequence[Entry], wanted: Sequence[Wanted], there: There, rules: Rules) -> list[Task]:
    """Return what has to be done: for each of `wanted` (as `wanted_of` gives it), then what is to be deleted."""
    known = {entry.key: entry for entry in entries}
    tasks = [_task(one, known.get(one.name.lower()), there, rules) for one in wanted]
    return [*tasks, *(_gone(wanted, there, rules) if rules.extent is Extent.PRUNE else ())]


def unclaimed(tasks: Sequence[Task], there: There) -> list[str]:
    """Return the jobs that are as the files want them, but that nobody has applied: no prune will ever take them."""
    same = (task.step.wanted for task in tasks if task.outcome is Outcome.UNCHANGED and task.step.wanted.job)
    return [one.name for one in same if mark_of(one.collection, _existing(one, there) or {}) is None]


def _translated(entry: Entry, now: datetime) -> Wanted:
    wanted = translate(entry.found, now)
    return msgspec.structs.replace(wanted, document=unmarked(wanted.document))


def _task(wanted: Wanted, entry: Entry | None, there: There, rules: Rules) -> Task:
    if wanted.job is None:
        return Task(step=_collection_step(wanted, there), entry=entry)
    existing = _existing(wanted, there)
    if entry is None or existing is None:
        return _created(wanted, entry, rules)
    return _compared(wanted, entry, existing, there, rules)


def _collection_step(wanted: Wanted, there: There) -> Step:
    existing = there.collections.get(wanted.collection.lower())
    if existing is None:
        return Step(wanted=wanted, outcome=Outcome.CREATED)
    if IMPLIED in wanted.notes:
        return Step(wanted=msgspec.structs.replace(wanted, notes=()), outcome=Outcome.UNCHANGED)
    document = {"state": existing.get("state", "Enabled"), **wanted.document}
    found = tuple(changes(canonical_collection(existing), canonical_collection(document)))
    outcome = Outcome.UPDATED if found else Outcome.UNCHANGED
    return Step(wanted=msgspec.structs.replace(wanted, document=document), outcome=outcome, changes=found)


def _created(wanted: Wanted, entry: Entry | None, rules: Rules) -> Task:
    if wanted.missing:
        return Task(step=Step(wanted=wanted, outcome=Outcome.SKIPPED, why=wanted.missing), entry=entry)
    mark = mark_for(rules.owner, entry.secrets if entry else ())
    document = marked(wanted.document, wanted.collection, str(wanted.job), mark)
    return Task(
        step=Step(wanted=msgspec.structs.replace(wanted, document=document), outcome=Outcome.CREATED), entry=entry
    )


def _compared(wanted: Wanted, entry: Entry, existing: Mapping[str, Any], there: There, rules: Rules) -> Task:
    """Return what an existing job needs: whole where the files say all of it, else a patch that keeps the rest."""
    hidden = state_of(there.collections.get(wanted.collection.lower(), {})) != "enabled"
    silent = "state" not in wanted.document
    target = wanted.document if not silent or hidden else _with_state(wanted.document, existing)
    found = [*_differences(target, existing, hidden=hidden), *_beyond(wanted, entry, existing, rules)]
    notes = (*_notes(wanted, existing, found, silent=silent), *((_NO_STATE,) if hidden and not silent else ()))
    document = marked(target, wanted.collection, str(wanted.job), _mark(wanted, entry, existing, rules))
    outcome = Outcome.UPDATED if found else Outcome.UNCHANGED
    sent = msgspec.structs.replace(wanted, document=document, notes=notes if found else ())
    step = Step(wanted=sent, outcome=outcome, changes=tuple(found))
    keeps = bool(wanted.missing) or (hidden and silent)
    return Task(step=step, entry=entry, patch=_patch(existing, document, silent=silent) if found and keeps else None)


def _mark(wanted: Wanted, entry: Entry, existing: Mapping[str, Any], rules: Rules) -> Mark:
    """Return the mark of a job that is written; without secrets in the files, what is known of the old ones stays."""
    mark, before = mark_for(rules.owner, entry.secrets), mark_of(wanted.collection, existing)
    return mark if entry.secrets or before is None else msgspec.structs.replace(before, owner=rules.owner)


def _with_state(document: Mapping[str, Any], existing: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document that says nothing of its state with the present one; what has ended starts anew if written."""
    return dict(document) if has_ended(existing) else {**document, "state": existing.get("state", "Enabled")}


def _differences(document: Mapping[str, Any], existing: Mapping[str, Any], *, hidden: bool) -> Iterator[Change]:
    wanted, present = canonical_pair(without_secrets(document), unmarked(existing))
    if hidden:
        wanted["state"] = present["state"]
    yield from changes(present, wanted)


def _beyond(wanted: Wanted, entry: Entry, existing: Mapping[str, Any], rules: Rules) -> Iterator[Change]:
    """Yield what replies do not show: where secrets come from, and whose the job is."""
    mark, mine = mark_of(wanted.collection, existing), mark_for(rules.owner, entry.secrets)
    if entry.secrets and (rules.secrets or mark is None or mark.secrets != mine.secrets):
        yield Change(field=_SECRETS, before="(not shown)", after=f"{len(entry.secrets)} from the file")
    if rules.adopt and (mark is None or mark.owner != rules.owner):
        yield Change(field="applied by", before=mark and mark.owner, after=rules.owner)


def _notes(wanted: Wanted, existing: Mapping[str, Any], found: Sequence[Change], *, silent: bool) -> Iterator[str]:
    if has_ended(existing) and (silent or state_of(wanted.document) == "enabled"):
        yield _ANEW
    yield from (note for note in wanted.notes if not has_ended(existing))
    if wanted.missing and found:
        yield "keeps the secrets it has: the file has none"


def _patch(existing: Mapping[str, Any], document: Mapping[str, Any], *, silent: bool) -> dict[str, Any]:
    """Return what turns the one document into the other; a state that the files do not name is left as it is."""
    base = {name: value for name, value in existing.items() if name not in READ_ONLY | {"name", "collection", "state"}}
    patch = _merge_patch(base, {name: value for name, value in document.items() if name not in ("name", "collection")})
    if has_ended(document):
        patch["state"] = "Disabled"
    if silent:
        patch.pop("state", None)
    return patch | ({"state": "Enabled"} if has_ended(existing) and silent else {})


def _merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {name: None for name in before if name not in after and name not in READ_ONLY}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            patch |= {name: inner} if (inner := _merge_patch(old, value)) else {}
        elif old != value:
            patch[name] = value
    return patch


def _gone(wanted: Sequence[Wanted], there: There, rules: Rules) -> Iterator[Task]:
    """Yield the deletion of each job that these files have brought once, and have no more."""
    named = {one.name.lower() for one in wanted}
    for home in dict.fromkeys(one.collection.lower() for one in wanted):
        for job in there.jobs.get(home, {}).values():
            mark = mark_of(home, job)
            if mark and mark.owner == rules.owner and f"{home}/{job['name']}".lower() not in named:
                gone = Wanted(collection=there.collections[home]["name"], job=job["name"], document={})
                yield Task(step=Step(wanted=gone, outcome=Outcome.DELETED))


def _existing(wanted: Wanted, there: There) -> Mapping[str, Any] | None:
    return there.jobs.get(wanted.collection.lower(), {}).get(str(wanted.job).lower())
