"""Secrets of files to apply: taken out as they are read, looked up only when their job is written."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import msgspec

from services.client.applying.files import Steps
from services.client.moving.fields import BUS_SECRET, QUEUE_SECRET, SECRETS, SIGNED, SIGNING_SECRET
from services.client.moving.obstacles import actions
from services.client.secret_sources import read_certificate, read_secret

_CERTIFICATE = "pfx"
_FILE = "File"
_VARIABLE, _REFERENCE = "env:", "secretref:"
_OF_REQUESTS = frozenset(name for names in SECRETS.values() for name in names)
_NAMES = _OF_REQUESTS | {QUEUE_SECRET, BUS_SECRET, SIGNING_SECRET}
HIDDEN = "(given)"
"""Stands in a document where a secret will be."""


class Kind(StrEnum):
    """Where a secret comes from. REFERENCE is the scheduler's to look up; PLAIN stands in the file itself."""

    SOURCE = "source"
    REFERENCE = "reference"
    PLAIN = "plain"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of a document: the path of its field, and where it comes from (`text` of a PLAIN one is the secret)."""

    steps: Steps
    written: Steps
    kind: Kind
    text: str
    folder: Path

    def __repr__(self) -> str:
        """Return the form for debuggers, without what may be the secret."""
        return f"Given({self.field}, {self.kind})"

    @property
    def field(self) -> str:
        """The path in words."""
        return ".".join(map(str, self.steps))

    def read(self) -> str:
        """Return the secret, or the reference that the scheduler looks up. Raises BadParameter without the secret."""
        if self.kind is not Kind.SOURCE:
            return self.text
        source = self.text if self.text.startswith((_VARIABLE, _REFERENCE)) else str(self.folder / self.text)
        read = read_certificate if self.steps[-1] == _CERTIFICATE else read_secret
        return str(read(source, ".".join(map(str, self.written))))


def take_secrets(document: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], tuple[Given, ...]]:
    """Return a job without its secrets (HIDDEN in their places) and the secrets. Raises BadParameter."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    taken: list[Given] = []
    for path, action in actions(found):
        for steps, holder in _holders(action, tuple(path.split("."))):
            taken += _take(holder, steps, folder)
            if SIGNING_SECRET in holder:
                holder[SIGNED] = True
    return found, tuple(taken)


def put_secrets(document: Mapping[str, Any], secrets: Sequence[Given]) -> dict[str, Any]:
    """Return a job with its secrets. Raises BadParameter for one that cannot be read."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    for secret in secrets:
        place = found
        for step in secret.steps[:-1]:
            place = place[str(step)]
        place[str(secret.steps[-1])] = secret.read()
    return found


def without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job as replies show it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    for path, action in actions(found):
        for _, holder in _holders(action, tuple(path.split("."))):
            for name in _NAMES & holder.keys():
                del holder[name]
    return found


def digest_of(secrets: Sequence[Given]) -> str:
    """Return what changes when a job's secrets come from elsewhere; nothing of a secret goes into it."""
    told = [[secret.field, secret.kind, "" if secret.kind is Kind.PLAIN else secret.text] for secret in secrets]
    return sha256(msgspec.json.encode(sorted(told))).hexdigest()[:12] if told else ""


def _holders(value: Any, steps: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield every object of a call that may hold secrets: the call's own parts, not an error action's."""
    if not isinstance(value, dict):
        return
    yield steps, value
    for name, item in value.items():
        if name not in ("errorAction", "headers", "customMessageProperties", "userProperties"):
            yield from _holders(item, (*steps, name))


def _take(holder: dict[str, Any], steps: Steps, folder: Path) -> Iterator[Given]:
    for name in [one for one in holder if one.removesuffix(_FILE) in _NAMES]:
        secret, text = name.removesuffix(_FILE), holder.pop(name)
        if text is None:
            continue
        if holder.get(secret) is not None:
            raise click.BadParameter(f"give {secret} or {secret}{_FILE}", param_hint=".".join(map(str, (*steps, name))))
        holder[secret] = HIDDEN
        yield Given(
            steps=(*steps, secret), written=(*steps, name), kind=_kind(name, text), text=str(text), folder=folder
        )


def _kind(name: str, text: str) -> Kind:
    if text.startswith(_REFERENCE):
        return Kind.REFERENCE
    return Kind.SOURCE if name.endswith(_FILE) or text.startswith(_VARIABLE) else Kind.PLAIN
