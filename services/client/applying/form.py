"""What may stand in files to apply: documents of kind collection and job, and what `leeward export` writes."""

from collections.abc import Iterable, Iterator
from typing import Any

import click
import msgspec

from services.client.applying.files import Fault, File, Steps
from services.client.applying.schema import Schema
from services.client.applying.secrets import Given, Kind, take_secrets
from services.client.documents import UnreadableError
from services.client.moving.sources import Dialect, Found
from services.client.moving.templates import is_template

_COLLECTION, _JOB = "collection", "job"
_LISTS = {"collections": _COLLECTION, "jobs": _JOB}
_HINT = "write kind: collection or kind: job, or what `leeward export --format leeward` writes"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A collection or job of a file: where it stands there, what it says, and its secrets apart."""

    found: Found
    file: File
    number: int
    steps: Steps = ()
    secrets: tuple[Given, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from others: `collection/job` in lower case."""
        return self.found.name.lower()

    @property
    def place(self) -> str:
        """Where it stands: `FILE:LINE`."""
        return f"{self.file.name}:{self.file.line_of(self.number, self.steps)}"

    def fault(self, why: str, steps: Steps = ()) -> Fault:
        """Return a fault of this document at a path within it."""
        return self.file.fault(why, self.number, (*self.steps, *steps))


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that files hold, and everything that is wrong with them. `warnings` keep nobody from applying it."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def read_files(files: Iterable[File], schema: Schema) -> Content:
    """Return what the files hold, and all that is wrong with it."""
    reader = _Reader(schema)
    for file in files:
        reader.read(file)
    return reader.content()


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._entries: dict[str, Entry] = {}
        self._faults: list[Fault] = []
        self._warnings: list[Fault] = []

    def read(self, file: File) -> None:
        try:
            documents = file.documents()
        except UnreadableError as fault:
            self._faults.append(Fault(file=file.name, line=fault.line, why=str(fault)))
            return
        if not documents:
            self._faults.append(Fault(file=file.name, line=1, why=f"holds nothing: {_HINT}"))
        for number, document in enumerate(documents):
            for kind, steps, one in self._told_apart(file, number, document):
                self._take(file, number, kind, steps, one)

    def content(self) -> Content:
        return Content(
            entries=tuple(self._entries.values()), faults=tuple(self._faults), warnings=tuple(self._warnings)
        )

    def _told_apart(self, file: File, number: int, document: Any) -> Iterator[tuple[str, Steps, dict[str, Any]]]:
        """Yield the documents of ours in one document of a file, each with its kind."""
        if isinstance(document, dict) and document.get("kind") in (_COLLECTION, _JOB):
            yield document["kind"], (), document
        elif isinstance(document, dict) and document and document.keys() <= _LISTS.keys():
            for name, found in document.items():
                for place, one in enumerate(found if isinstance(found, list) else [found]):
                    if isinstance(one, dict):
                        yield _LISTS[name], (name, place), {"kind": _LISTS[name], **one}
                    else:
                        self._faults.append(file.fault(f"{name} must be a list of objects", number, (name, place)))
        else:
            self._faults.append(file.fault(_stranger(document), number))

    def _take(self, file: File, number: int, kind: str, steps: Steps, document: dict[str, Any]) -> None:
        wrong = self._schema.faults(document, kind)
        self._faults += [file.fault(_told(at, why), number, (*steps, *at)) for at, why in wrong]
        if wrong:
            return
        bare = {name: value for name, value in document.items() if name != "kind" and value is not None}
        secrets: tuple[Given, ...] = ()
        if kind == _JOB:
            try:
                bare, secrets = take_secrets(bare, file.folder)
            except click.BadParameter as fault:
                self._faults.append(file.fault(fault.message, number, steps))
                return
        entry = Entry(found=_found(kind, bare), file=file, number=number, steps=steps, secrets=secrets)
        self._warnings += [_exposed(entry, secret) for secret in secrets if secret.kind is Kind.PLAIN]
        self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        first = self._entries.setdefault(entry.key, entry)
        if first is not entry:
            self._faults.append(entry.fault(f"{entry.found.name} comes twice; it stands at {first.place}, too"))


def _found(kind: str, document: dict[str, Any]) -> Found:
    if kind == _COLLECTION:
        return Found(collection=document["name"], dialect=Dialect.OWN, document=document)
    return Found(collection=document["collection"], job=document["name"], dialect=Dialect.OWN, document=document)


def _exposed(entry: Entry, secret: Given) -> Fault:
    name = secret.steps[-1]
    why = f"{secret.field} stands here in plain; better {name}File: FILE, env:NAME or secretref:file:NAME"
    return entry.fault(why, secret.written)


def _told(at: Steps, why: str) -> str:
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
    return f"{field}: {why}" if field else why


def _stranger(document: Any) -> str:
    if is_template(document):
        return "an ARM template; `leeward import` takes those over"
    if not isinstance(document, dict):
        return f"no document; {_HINT}"
    if "kind" in document:
        return f"kind {str(document['kind'])[:40]!r} is none of ours; {_HINT}"
    return f"does not say what it is; {_HINT}"
