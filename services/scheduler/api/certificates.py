"""Has the client certificates of documents opened before the documents are read: that takes others, and time."""

import asyncio
from collections.abc import Mapping

from services.scheduler.api.schemas.actions import CallDocument
from services.scheduler.api.schemas.authentication import pfx_to_open
from services.scheduler.api.schemas.ground import Certificate
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.secret_fields import CANCEL, ERROR, MAIN
from services.scheduler.errors import SecretUnavailableError
from services.scheduler.vault.pfx_files import PfxFiles
from services.scheduler.vault.pfx_reader import Pfx, Refused

MOST_SECONDS = 60.0
"""That one request may have new files opened for; those known already cost nothing."""
_TOO_MANY = Refused(why="comes after many others that had to be opened for this request: send this job again")


class Certificates:
    """Opens the files of one request's documents."""

    def __init__(self, files: PfxFiles, whose: CollectionId, *, most_seconds: float = MOST_SECONDS) -> None:
        self._files = files
        self._whose = whose
        self._most_seconds = most_seconds
        self._spent = 0.0

    async def of(self, document: JobDocument) -> Mapping[str, Certificate]:
        """Return what the files of a document hold, or what is wrong with them, by the path of the authentication."""
        return {path: await self._opened(pfx) for path, pfx in pfx_files(document).items()}

    async def _opened(self, pfx: Pfx) -> Certificate:
        known = self._files.known(pfx)
        if known is not None:
            return known
        if self._spent > self._most_seconds:
            return _TOO_MANY
        time = asyncio.get_running_loop().time
        began = time()
        try:
            return await self._files.describe(pfx, self._whose)
        except SecretUnavailableError as fault:
            return Refused(why=str(fault))
        finally:
            self._spent += time() - began


def pfx_files(document: JobDocument) -> dict[str, Pfx]:
    """Return the files that a document gives, by the path of the authentication."""
    main, maintenance = document.action, document.maintenance
    calls: dict[str, CallDocument | None] = {MAIN: main, ERROR: main.error_action if main else None}
    calls[CANCEL] = maintenance.cancel if maintenance else None
    requests = {f"{path}.request": call.request for path, call in calls.items() if call}
    wanted = {
        f"{path}.authentication": pfx_to_open(request.authentication)
        for path, request in requests.items()
        if request and request.authentication
    }
    return {path: pfx for path, pfx in wanted.items() if pfx}
