"""The certificate that the API and the portal show, taken over anew when its files change."""

import asyncio
import ssl
from pathlib import Path

from services.scheduler.metrics import Metrics
from shared.atomic_files import stamp_of
from shared.logs import get_logger
from shared.settings import SettingsError

_log = get_logger(__name__)


class Certificate:
    """A TLS context for the listener. Raises SettingsError when the files cannot be used at start."""

    def __init__(self, certificate: Path, key: Path, metrics: Metrics) -> None:
        """`certificate` holds the chain, too, the own one first."""
        self._files = (certificate, key)
        self._metrics = metrics
        self._stamps = self._seen()
        self.context = serving_context(certificate, key)
        metrics.files_in_force.labels("certificate").set(1)

    async def look(self) -> None:
        """Show a changed certificate from the next connection on; run this every few seconds."""
        stamps = await asyncio.to_thread(self._seen)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            # Tried on a context of its own: the one in use must never be left with half of a pair.
            await asyncio.to_thread(_context, *self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ValueError) as fault:
            self._metrics.files_in_force.labels("certificate").set(0)
            _log.error("certificate not taken over, the one before stays in force", error=_why(fault))
            return
        self._metrics.files_in_force.labels("certificate").set(1)
        _log.info("certificate read again")

    def _seen(self) -> tuple[object, ...]:
        return tuple(map(stamp_of, self._files))


def serving_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what the listener shows. Raises SettingsError when the files cannot be used."""
    try:
        return _context(certificate, key)
    except (OSError, ValueError) as fault:
        raise SettingsError(
            f"LEEWARD_LISTEN_CERT={certificate}, LEEWARD_LISTEN_KEY={key} cannot be used: {_why(fault)}"
        ) from None


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A key with a pass phrase would have the process wait at a terminal for it.
    context.load_cert_chain(certificate, key, password="")
    return context


def _why(fault: OSError | ValueError) -> str:
    if isinstance(fault, ssl.SSLError):
        return "they are no PEM certificate and its unencrypted private key, or do not belong together"
    return fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)
