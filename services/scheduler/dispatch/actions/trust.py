"""Whom outgoing TLS connections trust: the system's authorities, and those of the operator's own."""

import ssl
from pathlib import Path


class Trust:
    """Makes contexts for clients: TLS 1.2 or later, certificate and host name verified, HTTP/1.1 asked for."""

    def __init__(self, authorities: Path | None = None) -> None:
        """`authorities`: file of further certificates in PEM. Raises OSError when it cannot be read."""
        self._more = authorities.read_bytes().decode("ascii", errors="ignore") if authorities else ""

    def context(self) -> ssl.SSLContext:
        """Return a new context. Raises ssl.SSLError when the file holds no certificate."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(("http/1.1",))
        if self._more:
            context.load_verify_locations(cadata=self._more)
        return context
