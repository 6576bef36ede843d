"""Tells what a file holds (a template, a reply of one of Azure's APIs, documents of ours) and takes it apart."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

import msgspec

from services.client.errors import MovingError
from services.client.moving.parameters import Given
from services.client.moving.templates import is_template, read_template

COLLECTIONS = "microsoft.scheduler/jobcollections"
JOBS = f"{COLLECTIONS}/jobs"
_OWN_JOB = ("action", "recurrence", "startTime")
_HINT = "give an ARM template, JSON of the scheduler's REST APIs, or what `leeward export` writes"


class Dialect(StrEnum):
    """Whose words a document uses: AZURE's may be loose (casing, unknown fields), OWN are this scheduler's."""

    AZURE = "azure"
    OWN = "own"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A collection, or a job when `job` is given, as the file says it."""

    collection: str
    job: str | None = None
    dialect: Dialect
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """`collection` or `collection/job`."""
        return self.collection if self.job is None else f"{self.collection}/{self.job}"


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that no scheduler has."""

    name: str
    type: str


def read_source(document: Any, given: Given, collection: str | None) -> list[Found | Foreign]:
    """Return what a file's document holds; jobs that name no collection belong to `collection`.

    Raises MovingError when it is something else, ExpressionError.
    """
    try:
        if is_template(document):
            return [_of_resource(one.type, one.name, one.body) for one in read_template(document, given)]
        return [_recognised(one, collection) for one in _elements(document)]
    except RecursionError as fault:
        raise MovingError("a file is nested more deeply than any job or template can be") from fault


def _elements(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and not _is_one(document):
        lists = [document[key] for key in ("collections", "jobs", "value") if key in document]
        if not lists:
            raise MovingError(f"holds neither jobs nor collections: {_HINT}")
    else:
        lists = [document if isinstance(document, list) else [document]]
    for found in lists:
        for one in found if isinstance(found, list) else [found]:
            if not isinstance(one, dict):
                raise MovingError(f"{str(one)[:40]!r} is no job and no collection: {_HINT}")
            yield one


def _is_one(document: Mapping[str, Any]) -> bool:
    return "name" in document or "id" in document


def _recognised(document: dict[str, Any], collection: str | None) -> Found | Foreign:
    if isinstance(document.get("properties"), dict):
        return _of_envelope(document, collection)
    if not _is_one(document) or not (document.get("name") or document.get("id")):
        raise MovingError(f"a job or collection without a name: {str(document)[:60]}")
    if document.get("name"):
        return _of_own(document, collection)
    return _of_classic(document, collection)


def _of_resource(kind: str, name: str, body: dict[str, Any]) -> Found | Foreign:
    parts = [part for part in name.split("/") if part]
    if kind.lower() == COLLECTIONS and len(parts) == 1:
        return Found(collection=name, dialect=Dialect.AZURE, document=body)
    if kind.lower() == JOBS and len(parts) == 2:
        return Found(collection=parts[0], job=parts[1], dialect=Dialect.AZURE, document=body)
    if kind.lower() in (COLLECTIONS, JOBS):
        raise MovingError(f"{name!r} is no name for a {kind}")
    return Foreign(name=name, type=kind)


def _of_envelope(document: dict[str, Any], collection: str | None) -> Found | Foreign:
    """Take a reply of the ARM API apart: its id names everything, its name is `collection/job` for a job (§0.7)."""
    path = [unquote(part) for part in str(document.get("id") or "").strip("/").split("/")]
    if len(path) >= 8:
        kind, name = f"{path[5]}/{'/'.join(path[6::2])}", "/".join(path[7::2])
        return _of_resource(kind, name, document)
    kind, name = str(document.get("type") or ""), str(document.get("name") or "")
    if not kind:
        kind = JOBS if "/" in name or "action" in document["properties"] else COLLECTIONS
    if kind.lower() == JOBS and "/" not in name:
        name = f"{_needed(collection, name)}/{name}"
    return _of_resource(kind, name, document)


def _of_own(document: dict[str, Any], collection: str | None) -> Found:
    name = str(document["name"])
    if "collection" not in document and not any(field in document for field in _OWN_JOB):
        return Found(collection=name, dialect=Dialect.OWN, document=document)
    home = document.get("collection") or _needed(collection, name)
    return Found(collection=str(home), job=name, dialect=Dialect.OWN, document=document)


def _of_classic(document: dict[str, Any], collection: str | None) -> Found:
    """A job of the classic API: no envelope, `id` is the bare job id (reference §1.10)."""
    name = str(document["id"])
    body = {"properties": {key: value for key, value in document.items() if key != "id"}}
    return Found(collection=_needed(collection, name), job=name, dialect=Dialect.AZURE, document=body)


def _needed(collection: str | None, job: str) -> str:
    if collection is None:
        raise MovingError(f"job {job} does not say which collection it belongs to; give --collection NAME")
    return collection
