"""A keeper of secrets that hides nothing: texts stay readable, but open only where they were sealed."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.secrets import (
    REFERENCE,
    EnvironmentSecret,
    FileSecret,
    KeyId,
    SealedSecret,
    Secret,
    SecretPlace,
)
from services.scheduler.errors import InvalidInputError, SecretRefusedError, SecretUnavailableError

PLAIN_KEY = KeyId("plain")


class _Box(msgspec.Struct, frozen=True):
    """What stands in a box: the text, and where it belongs."""

    place: SecretPlace
    text: str


class PlainKeeper:
    """A SecretKeeper for tests; `files` and `environment` are what references find."""

    def __init__(self, files: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._found = {FileSecret: files or {}, EnvironmentSecret: environment or {}}
        self.sealed: list[SecretPlace] = []

    def seal(self, text: str, place: SecretPlace, collection: Collection) -> Secret:
        """Put the text beside its place, or make the reference that it is."""
        if text.startswith(REFERENCE):
            scope = Scope(collection.namespace, collection.name)
            return _reference(text.removeprefix(REFERENCE), place.field, scope)
        self.sealed.append(place)
        return SealedSecret(key=PLAIN_KEY, box=msgspec.json.encode(_Box(_without_case(place), text)).decode())

    def open(self, secret: Secret, place: SecretPlace) -> str:
        """Return the text, at its own place only."""
        if not isinstance(secret, SealedSecret):
            try:
                return self._found[type(secret)][secret.name]
            except KeyError:
                raise SecretUnavailableError(f"{place.field}: {secret.name} is not there") from None
        box = msgspec.json.decode(secret.box, type=_Box)
        if box.place != _without_case(place):
            raise SecretRefusedError(f"{place.field}: the secret belongs to {box.place.field} of {box.place.job}")
        return box.text


def _without_case(place: SecretPlace) -> SecretPlace:
    return replace(place, job=place.job.lower())


def _reference(text: str, field: str, scope: Scope) -> Secret:
    kind, _, name = text.partition(":")
    if kind not in ("file", "env") or not name:
        raise InvalidInputError(field, "must be secretref:file:NAME or secretref:env:NAME")
    return FileSecret(name=name, scope=scope) if kind == "file" else EnvironmentSecret(name=name, scope=scope)
