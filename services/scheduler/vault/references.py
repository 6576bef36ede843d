"""Secrets that stand elsewhere: files and variables that the operator has opened to a collection."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Namespace
from services.scheduler.domain.openings import VARIABLE, Openings, path_of
from services.scheduler.domain.secrets import REFERENCE, EnvironmentSecret, FileSecret
from services.scheduler.errors import SecretRefusedError, SecretUnavailableError
from shared.atomic_files import read_bytes

MOST_BYTES = 65536
"""Of a file; a PFX with its chain has a few thousand."""
_FILE_NAME = re.compile(r"(?!\.\.|\.$)[A-Za-z0-9._-]{1,253}")
_FORMS = "write secretref:file:NAME or secretref:env:NAME"

Reference = FileSecret | EnvironmentSecret


class References:
    """What `secretref:` leads to. A collection's jobs reach the collection's own files and variables only."""

    def __init__(
        self, folder: Path | None, opened: Sequence[str], environment: Mapping[str, str], home: Namespace
    ) -> None:
        """`folder` holds one folder for each collection, those of other groups than `home` below SUBSCRIPTION/GROUP.

        `opened` lists variables of `environment`, each for all collections or for the one that stands before it.
        """
        self._folder = folder
        self._opened = Openings(opened, home)
        self._environment = environment
        self._home = home

    def read(self, text: str, scope: Scope) -> Reference:
        """Return the reference that a text is. Raises ValueError that says what to change."""
        kind, _, name = text.removeprefix(REFERENCE).partition(":")
        if kind == "file":
            return self._file(name, scope)
        if kind == "env":
            return self._variable(name, scope)
        raise ValueError(_FORMS)

    def resolve(self, reference: Reference) -> str:
        """Return what is there now. Raises SecretUnavailableError or SecretRefusedError."""
        if isinstance(reference, EnvironmentSecret):
            return self._value(reference)
        return self._content(reference)

    def _file(self, name: str, scope: Scope) -> FileSecret:
        if self._folder is None:
            raise ValueError("files are open to no job here: set LEEWARD_SECRETS_DIR")
        if _FILE_NAME.fullmatch(name) is None:
            raise ValueError(f"{_FORMS}; a file's NAME has letters, digits and - . _ and does not begin with two dots")
        return FileSecret(name=name, scope=scope)

    def _variable(self, name: str, scope: Scope) -> EnvironmentSecret:
        if VARIABLE.fullmatch(name) is None:
            raise ValueError(f"{_FORMS}; a variable's NAME has letters, digits and _")
        if not self._opened.cover(name, scope):
            raise ValueError(f"variable {name} is not open to this collection: see LEEWARD_SECRETS_ENV")
        return EnvironmentSecret(name=name, scope=scope)

    def _value(self, reference: EnvironmentSecret) -> str:
        if not self._opened.cover(reference.name, reference.scope):
            raise SecretRefusedError(f"variable {reference.name} is not open to this collection (LEEWARD_SECRETS_ENV)")
        try:
            return self._environment[reference.name]
        except KeyError:
            raise SecretUnavailableError(f"variable {reference.name} is not set where the scheduler runs") from None

    def _content(self, reference: FileSecret) -> str:
        if self._folder is None:
            raise SecretRefusedError("files are open to no job here (LEEWARD_SECRETS_DIR)")
        path = self._found(self._folder, reference)
        try:
            return _text(read_bytes(path, MOST_BYTES))
        except OSError as fault:
            why = fault.strerror or type(fault).__name__
            raise SecretUnavailableError(f"secret file {reference.name} cannot be read: {why}") from None
        except ValueError as fault:
            raise SecretRefusedError(f"secret file {reference.name} cannot be used: {fault}") from None

    def _found(self, folder: Path, reference: FileSecret) -> Path:
        """Return where a file really lies, links followed: within its collection's folder or nowhere."""
        parts = path_of(reference.scope, self._home)
        # Names of subscriptions and groups are not checked as those of collections are.
        if any(_FILE_NAME.fullmatch(part) is None for part in (*parts, reference.name)):
            raise SecretRefusedError(f"secret file {reference.name}: its folder cannot have such a name")
        try:
            root = folder.resolve(strict=True)
            own = root.joinpath(*parts).resolve(strict=True)
            path = (own / reference.name).resolve(strict=True)
        except (OSError, RuntimeError):
            raise SecretUnavailableError(f"secret file {reference.name} is not there") from None
        if not (path.is_relative_to(own) and own.is_relative_to(root) and own != root):
            raise SecretRefusedError(f"secret file {reference.name} lies outside of its collection's folder")
        if not path.is_file():
            raise SecretRefusedError(f"secret file {reference.name} is no plain file")
        return path


def _text(content: bytes) -> str:
    """Return the text of a file without its last line's end; of one that is no text, such as a PFX, its base64."""
    try:
        return content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return b64encode(content).decode()
