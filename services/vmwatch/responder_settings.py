"""What an operator can set about responders, and the closed sets that settings, metrics and blocks share."""

import difflib
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from services.vmwatch.templates import JsonTemplate, checked
from shared.atomic_files import read_bounded
from shared.signing import read_signing_keys

FILE_LIMIT: Final = 64 * 1024
"""Bytes of a template or of secrets."""


class ResponderName(StrEnum):
    """Who does something for the host itself; the label `responder` of metrics."""

    COMMAND = "command"
    KUBERNETES = "kubernetes"
    WEBHOOK = "webhook"


class Phase(StrEnum):
    """When a responder is called: at receipt, once the host is drained, when it was not made ready, at the end."""

    PREPARE = "prepare"
    DRAINED = "drained"
    FAILED = "failed"
    RESUME = "resume"


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the webhook responder posts, for which event types (none: all) and phases, and how."""

    urls: tuple[str, ...]
    events: tuple[str, ...] = ()
    phases: tuple[str, ...] = tuple(Phase)
    secret_file: Path | None = None
    template_file: Path | None = None
    required: bool = False


class CommandSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command responder runs, for which event types (none: all) and phases, and in which folder."""

    command: str
    events: tuple[str, ...] = ()
    phases: tuple[str, ...] = (Phase.PREPARE,)
    folder: Path = Path("/")

    @property
    def argv(self) -> tuple[str, ...]:
        """The program and its arguments. Raises ValueError that says what to write."""
        return read_command(self.command)


def is_among(kind: str, types: Iterable[str]) -> bool:
    """Whether an event's type is one of those set, in any case; none set means every type."""
    chosen = {each.lower() for each in types}
    return not chosen or kind.lower() in chosen


def read_command(text: str) -> tuple[str, ...]:
    """Read a JSON list of strings, or words quoted as in a shell, which no shell ever sees. Raises ValueError."""
    if text.lstrip().startswith("["):
        try:
            words = msgspec.json.decode(text, type=tuple[str, ...])
        except msgspec.DecodeError:
            raise ValueError('write a JSON list of strings, such as ["/usr/local/bin/leave", "--now"]') from None
    else:
        try:
            words = tuple(shlex.split(text))
        except ValueError as fault:
            raise ValueError(f"{str(fault).lower()}: close it, or write a JSON list of strings") from None
    if not words or not words[0].startswith("/"):
        raise ValueError("write the program's whole path first, such as /usr/local/bin/leave")
    return words


def webhook_faults(settings: WebhookSettings) -> Iterator[str]:
    """Yield what cannot work; addresses are not shown whole, as they may be secrets themselves."""
    for url in settings.urls:
        if not _is_web_address(url):
            yield f"webhook_url={shown(url)}: write http://host/path or https://host/path"
    yield from _file_faults("webhook_secret_file", settings.secret_file, read_signing_keys)
    yield from _file_faults("webhook_template_file", settings.template_file, JsonTemplate)
    yield from _phase_faults("webhook_phases", settings.phases)


def command_faults(settings: CommandSettings) -> Iterator[str]:
    """Yield what cannot work, programs and folders that are not there included."""
    try:
        program = Path(settings.argv[0])
        if not (program.is_file() and os.access(program, os.X_OK)):
            yield f"command: {program} is no program that can be run"
        for word in settings.argv:
            checked(word)
    except ValueError as fault:
        yield f"command: {fault}"
    if not settings.folder.is_dir():
        yield f"command_folder={settings.folder}: there is no such folder"
    yield from _phase_faults("command_phases", settings.phases)


def state_file_faults(path: Path) -> Iterator[str]:
    """Yield why a file cannot keep what responders have to finish after a restart."""
    folder = path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        yield f"state_file={path}: {folder} is no folder that can be written to; responders keep there what they undo"


def shown(url: str) -> str:
    """Return scheme and host of an address: with some services the path is the secret."""
    try:
        place = urlsplit(url)
    except ValueError:
        return "***"
    return f"{place.scheme}://{place.hostname}" if place.scheme and place.hostname else "***"


def _file_faults(name: str, path: Path | None, read: Callable[[str], object]) -> Iterator[str]:
    if path is None:
        return
    try:
        read(read_bounded(path, FILE_LIMIT))
    except OSError as fault:
        yield f"{name}={path}: {fault.strerror}"
    except ValueError as fault:
        yield f"{name}={path}: {fault}"


def _phase_faults(name: str, phases: Iterable[str]) -> Iterator[str]:
    for phase in phases:
        if phase not in tuple(Phase):
            near = difflib.get_close_matches(phase, tuple(Phase), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{name}={phase}: write one or more of {', '.join(Phase)}{hint}"


def _is_web_address(url: str) -> bool:
    try:
        place = urlsplit(url)
        return place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0
    except ValueError:
        return False
