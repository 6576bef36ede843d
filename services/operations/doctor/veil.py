"""Keeps secrets out of what is printed, whatever a library puts into the text of an error."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import msgspec

from services.client.command import Target
from services.operations.doctor.findings import Veil
from shared.atomic_files import read_bounded

_HIDDEN = "***"
_SHORTEST = 3
"""Hiding shorter ones would garble the text and tell that they are short."""
_MOST_BYTES = 1 << 16


def veil_of(settings: msgspec.Struct | None, target: Target) -> Veil:
    """Return what takes the passwords and tokens of settings and client out of a text."""
    known = {secret for secret in _secrets(settings, target) if len(secret) >= _SHORTEST}
    longest_first = sorted(known, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, _HIDDEN)
        return text

    return hide


def _secrets(settings: msgspec.Struct | None, target: Target) -> Iterator[str]:
    yield from _shown(target)
    for name in settings.__struct_fields__ if settings is not None else ():
        value = getattr(settings, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and "://" in one:
                yield from _passwords(one)
            elif isinstance(one, Path) and name.endswith(("password_file", "key_file", "secret_file")):
                yield from _content(one)


def _shown(target: Target) -> Iterator[str]:
    try:
        yield target.token
    except click.ClickException:
        return  # the token's file cannot be read, or the address is none: whoever needs it says so


def _passwords(url: str) -> Iterator[str]:
    try:
        written = urlsplit(url).password or ""
    except ValueError:
        return
    yield from (written, unquote(written))


def _content(file: Path) -> Iterator[str]:
    try:
        yield read_bounded(file, _MOST_BYTES).strip()
    except (OSError, ValueError):
        return  # whoever needs it says so
