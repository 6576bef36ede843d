"""Where secrets are read from: never from the command line itself, which other users of a machine can see."""

import base64
import os
import sys
from pathlib import Path

import click

_STANDARD_INPUT = "-"
_VARIABLE = "env:"
_REFERENCE = "secretref:"
"""A name that the scheduler looks up itself; it goes out as it stands."""
_DER = b"\x30"
"""How a PKCS #12 file begins; its base64 begins with a letter."""


def read_secret(source: str | None, option: str) -> str | None:
    """Return the text in a file, on standard input (`-`) or in a variable (`env:NAME`), without its last line end.

    Raises BadParameter that says nothing of the text.
    """
    if source is None or source.startswith(_REFERENCE):
        return source
    try:
        return _bytes(source, option).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.BadParameter("holds no text in UTF-8", param_hint=option) from None


def read_certificate(source: str | None, option: str) -> str | None:
    """Return a PKCS #12 file in base64, which it may be in already. Raises BadParameter."""
    if source is None or source.startswith(_REFERENCE):
        return source
    content = _bytes(source, option)
    return base64.b64encode(content).decode() if content.startswith(_DER) else _compact(content, option)


def _compact(content: bytes, option: str) -> str:
    try:
        return "".join(content.decode("ascii").split())
    except UnicodeDecodeError:
        raise click.BadParameter("is neither a .pfx file nor one in base64", param_hint=option) from None


def _bytes(source: str, option: str) -> bytes:
    if source.startswith(_VARIABLE):
        name = source.removeprefix(_VARIABLE)
        if name not in os.environ:
            raise click.BadParameter(f"there is no variable {name}", param_hint=option)
        return os.environ[name].encode()
    try:
        if source == _STANDARD_INPUT:
            return sys.stdin.buffer.read()
        return Path(source).read_bytes()
    except OSError as fault:
        raise click.BadParameter(f"{source} cannot be read: {fault.strerror}", param_hint=option) from fault
