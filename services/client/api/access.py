"""Where the scheduler is and what is shown there: addresses, tokens, authorities."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.client.api.errors import AccessError
from shared.atomic_files import read_bounded

if TYPE_CHECKING:
    import ssl

VARIABLE = "env:"
"""Begins what names a variable instead of a file."""
_MAX_TOKEN = 16_384


def check_url(url: str) -> str:
    """Return the base address without a slash at its end; raises AccessError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise AccessError("url", f"{url!r} is no address; write http://HOST:PORT")
    return url.rstrip("/")


def read_token(source: Path | str, environment: Mapping[str, str] | None = None) -> str:
    """Return the token in a file, or in the variable that `env:NAME` names; raises AccessError."""
    if str(source).startswith(VARIABLE):
        name = str(source).removeprefix(VARIABLE)
        token = (os.environ if environment is None else environment).get(name, "").strip()
        if not token:
            raise AccessError("token", f"the variable {name} holds no token")
    else:
        token = _content(Path(source)).strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise AccessError("token", f"{source} holds no token: one line, and nothing else")
    return token


def read_authority(file: Path | None) -> "ssl.SSLContext | None":
    """Return what trusts the authority in a file, None without one; raises AccessError."""
    if file is None:
        return None
    import ssl

    try:
        return ssl.create_default_context(cafile=file)
    except OSError as fault:
        why = "holds no certificate (PEM)" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise AccessError("authority", f"{file}: {why}") from None


def _content(file: Path) -> str:
    try:
        return read_bounded(file, _MAX_TOKEN)
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise AccessError("token", f"{file}: {why}") from None
