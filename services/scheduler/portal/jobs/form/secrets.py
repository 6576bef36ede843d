"""Secrets in the form: typed ones go into the document, kept ones stay with the job, none is ever shown."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from services.scheduler.api.schemas.values import SecretText
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import HeldSecret, secrets_of
from services.scheduler.portal.jobs.form.paths import Json, drop, look, put

STAND_IN = "<secret>"
"""What stands for a secret in a document that is shown."""
_NAMES = ("password", "pfx", "secret", "sasToken", "sasKey", "webhookSecret")
_WRITTEN = re.compile(rf'("(?:{"|".join(_NAMES)})"\s*:\s*)"(?!secretref:)(?:[^"\\]|\\.)*"?')
_CALLS = ("action", "action.errorAction", "maintenance.cancel")
_PLACES = (
    "request.authentication.password",
    "request.authentication.pfx",
    "request.authentication.secret",
    "request.webhookSecret",
    "queueMessage.sasToken",
    "serviceBusQueueMessage.authentication.sasKey",
    "serviceBusTopicMessage.authentication.sasKey",
)
PLACES = tuple(f"{call}.{place}" for call in _CALLS for place in _PLACES)
"""Where a document can hold a secret."""


def held_by(job: Job | None) -> dict[str, HeldSecret]:
    """Return the secrets that a job holds, by their paths."""
    return {} if job is None else {held.field: held for held in secrets_of(job.definition.action)}


def with_kept(document: Mapping[str, Any], job: Job | None, before: Mapping[str, Any]) -> Json:
    """Return a document with each secret of the job that it neither gives nor sets to null.

    `before` is the job's own document: what authenticates in another way now takes secrets of its own.
    """
    filled = deepcopy(dict(document))
    for path, held in held_by(job).items():
        if _is_kept(document, path, before):
            put(filled, path, SecretText(held=held))
    return filled


def _is_kept(document: Mapping[str, Any], path: str, before: Mapping[str, Any]) -> bool:
    parent, _, name = path.rpartition(".")
    now, then = look(document, parent), look(before, parent)
    if not isinstance(now, Mapping) or name in now:
        return False
    if name == "password" and now.get("pfx") is not None:
        return False  # another file has another password, or none
    return _type(now) == _type(then)


def _type(place: object) -> str:
    kind = place.get("type") if isinstance(place, Mapping) else None
    return kind.lower() if isinstance(kind, str) else ""


def without_secrets(document: Mapping[str, Any]) -> Json:
    """Return a document without the secrets that were typed into it."""
    bare = deepcopy(dict(document))
    for path in given_in(document):
        drop(bare, path)
    return bare


def with_stand_ins(document: Mapping[str, Any]) -> Json:
    """Return a document to show, with a word for each secret."""
    hidden = deepcopy(dict(document))
    for path in given_in(document):
        put(hidden, path, STAND_IN)
    return hidden


def given_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the secrets that a document holds."""
    return (path for path in PLACES if look(document, path) is not None)


def veiled(text: str) -> str:
    """Return a text that is no document without what looks like a secret in it."""
    return _WRITTEN.sub(r'\1""', text)
