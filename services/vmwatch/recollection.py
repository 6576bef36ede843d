"""The last document and its ETag, so that the service may answer "unchanged".

Azure's pages call the incarnation an ETag, and Microsoft's own sample sends `If-None-Match` and takes 304 (reference
§1.1); how the server behaves is not documented. An ETag made of the incarnation would be the same again after the
service was switched off and on, so "unchanged" is believed for a few seconds only, and never across a failure.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from services.vmwatch.documents import Document

BELIEVED_SECONDS: Final = 10.0
"""How long "unchanged" may follow "unchanged" until the whole document is asked for; a Preempt leaves 30 s."""
_LONGEST_ETAG: Final = 256


class Known(msgspec.Struct, frozen=True):
    """A document as it was read in full, and what the service calls this state of it."""

    document: Document
    etag: str


class Recollection:
    """What the service said last in full, as long as that may be believed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Remember nothing."""
        self._monotonic = monotonic
        self._known: Known | None = None
        self._until = 0.0

    def believed(self) -> Known | None:
        """Return what may be called unchanged now; None to ask for the whole document."""
        return self._known if self._monotonic() < self._until else None

    def keep(self, document: Document, etag: str) -> None:
        """Remember a document that was read in full, if an ETag came with it that can be sent back."""
        usable = 0 < len(etag) <= _LONGEST_ETAG and etag.isascii() and etag.isprintable()
        self._known = Known(document, etag) if usable else None
        self._until = self._monotonic() + BELIEVED_SECONDS

    def forget(self) -> None:
        """Ask for the whole document next."""
        self._known = None
