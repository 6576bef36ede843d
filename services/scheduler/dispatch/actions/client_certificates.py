"""TLS contexts that show a client certificate, kept as long as they are used."""

import asyncio
import hashlib
import os
import ssl
from collections import OrderedDict
from weakref import WeakValueDictionary

import msgspec

from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import SecretUnavailableError
from services.scheduler.vault.pfx_files import PfxFiles
from services.scheduler.vault.pfx_reader import Described, Opened, Pfx
from shared.clock import Clock

KEPT = 256
"""Contexts kept; each takes some hundred kilobytes, and some ten milliseconds to make."""


class _Kept(msgspec.Struct, frozen=True):
    """A context, and the file that it was made from."""

    file: Described
    context: ssl.SSLContext


class ClientCertificates:
    """Makes the context for each certificate once. Another file, or the same one changed, gets another context.

    Connections belong to their context: those that showed the earlier certificate serve no further calls, and close
    when they have been idle for some seconds.
    """

    def __init__(self, trust: Trust, clock: Clock, files: PfxFiles) -> None:
        self._trust = trust
        self._clock = clock
        self._files = files
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def context(self, pfx: str, password: str | None, whose: CollectionId) -> ssl.SSLContext:
        """Return the context that shows a certificate of a collection.

        Raises ValueError for a file that is none, or has expired, SecretUnavailableError when opening it took too long.
        """
        told = f"{len(pfx)} {pfx}{password or ''}"
        key = hashlib.sha256(told.encode(errors="surrogatepass")).digest()
        # Calls come due together: one of them opens the file that all of them show.
        async with self._turns.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None:
                kept = await self._opened(Pfx(text=pfx, password=password), whose)
                self._keep(key, kept)
        self._kept.move_to_end(key)
        if kept.file.expires_at < self._clock.now():
            since = kept.file.expires_at.isoformat().replace("+00:00", "Z")
            raise ValueError(f"the client certificate {kept.file.subject} has been expired since {since}")
        return kept.context

    def _keep(self, key: bytes, made: _Kept) -> None:
        self._kept[key] = made
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _opened(self, pfx: Pfx, whose: CollectionId) -> _Kept:
        try:
            file = await self._files.open(pfx, whose)
        except ValueError as fault:
            raise ValueError(f"the client certificate {fault}") from None
        except SecretUnavailableError as fault:
            raise SecretUnavailableError(f"the client certificate {fault}") from None
        return await asyncio.to_thread(self._made, file)

    def _made(self, file: Opened) -> _Kept:
        context = self._trust.context()
        context.post_handshake_auth = True  # servers that ask for a certificate by path do so after the request
        _load(context, file.pem)
        return _Kept(file.told, context)


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Hand a key over by a file that exists in memory only: this library takes nothing but files."""
    descriptor = os.memfd_create("client-certificate")
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as fault:
        raise ValueError(f"the client certificate cannot be used for TLS: {fault.reason}") from None
    finally:
        os.close(descriptor)
