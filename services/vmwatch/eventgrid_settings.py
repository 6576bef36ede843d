"""What an operator can set about Event Grid as a second source of events, or the only one."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from shared.atomic_files import read_bounded
from shared.settings import parse_listen

SHORTEST_KEY: Final = 16
_MOST_BYTES: Final = 4096
_KEY: Final = re.compile(r"[A-Za-z0-9._~-]+")
_SCOPE: Final = re.compile(r"/subscriptions/[^/\s?#]+(/[^\s?#]*)?", re.IGNORECASE)


class EventGridSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Event Grid is listened for, the secret that it shows, and whose events it may tell of."""

    listen: str
    key_file: Path | None
    listen_cert: Path | None = None
    listen_key: Path | None = None
    scope: str = ""

    def key(self) -> str:
        """Return the secret. Raises ValueError, which never shows it, and OSError."""
        if self.key_file is None:
            raise ValueError("is not set: Event Grid must show a secret, or anybody could announce events")
        key = read_bounded(self.key_file, _MOST_BYTES).strip()
        if len(key) < SHORTEST_KEY or not _KEY.fullmatch(key):
            word = f"one word of at least {SHORTEST_KEY} letters, digits and - . _ ~"
            raise ValueError(f"it must hold {word}, as from: openssl rand -hex 24")
        return key

    def tls(self) -> ssl.SSLContext | None:
        """Return what serves HTTPS; None without a certificate. Raises OSError, ValueError."""
        if self.listen_cert is None or self.listen_key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A key with a pass phrase would have the process wait at a terminal for it.
        context.load_cert_chain(self.listen_cert, self.listen_key, password="")
        return context


def eventgrid_faults(settings: EventGridSettings) -> Iterator[str]:
    """Yield what cannot work, files that cannot be read included."""
    try:
        parse_listen(settings.listen)
    except ValueError as fault:
        yield f"eventgrid_listen={settings.listen}: {fault}"
    try:
        settings.key()
    except (OSError, ValueError) as fault:
        yield f"eventgrid_key_file={settings.key_file or ''}: {_why(fault)}"
    yield from _tls_faults(settings)
    if settings.scope and not _SCOPE.fullmatch(settings.scope):
        yield f"eventgrid_scope={settings.scope}: write /subscriptions/ID, or with /resourceGroups/NAME and more"


def remote_faults(
    settings: EventGridSettings | None, *, host: str | None, group: str | None, responders: bool
) -> Iterator[str]:
    """Yield what a watcher without a metadata service lacks, or has too much."""
    if settings is None:
        yield "eventgrid_listen: set it, for with imds_url=none there is no other source of events"
    if not host:
        yield "host: set a name for this watcher, which no VM has, for with imds_url=none nobody tells one"
    if not group:
        yield "group: set that of the VMs that this watcher speaks for: the scheduler believes it about no others"
    if responders:
        yield "responders work on the VM itself: leave command, webhook_url and kubernetes out with imds_url=none"


def _tls_faults(settings: EventGridSettings) -> Iterator[str]:
    if (settings.listen_cert is None) != (settings.listen_key is None):
        yield "eventgrid_listen_cert, eventgrid_listen_key: set both, or neither"
    try:
        settings.tls()
    except (OSError, ValueError) as fault:
        yield f"eventgrid_listen_cert={settings.listen_cert}: {_why(fault)}"


def _why(fault: OSError | ValueError) -> str:
    if isinstance(fault, ssl.SSLError):
        return "it is no PEM certificate, or eventgrid_listen_key is not its unencrypted private key"
    return fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)
