"""Finds out who this VM is, and keeps its inventory up to date."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from services.vmwatch.advice import advice_on
from services.vmwatch.errors import MetadataError, MetadataOutcome
from services.vmwatch.imds import ImdsClient
from services.vmwatch.instance import Overrides
from services.vmwatch.pauses import Pauses
from shared.logs import get_logger
from shared.messages import Inventory

REFRESH_SECONDS: Final = 300.0
_log = get_logger(__name__)


class Identity:
    """Reads the instance document until it is there, and again every few minutes: tags and addresses change."""

    def __init__(
        self,
        imds: ImdsClient,
        overrides: Overrides,
        *,
        monotonic: Callable[[], float],
        random: Random | None = None,
    ) -> None:
        """Know nothing yet but what the operator fixed."""
        self.trouble = "the instance document has not been read yet"
        self._imds = imds
        self._overrides = overrides
        self._monotonic = monotonic
        self._inventory: Inventory | None = None
        self._pauses = Pauses(random)
        self._due = monotonic()

    @property
    def computer_name(self) -> str:
        """The VM's host name, empty while unknown."""
        return self._inventory.computer_name if self._inventory is not None else ""

    async def find_host(self) -> str:
        """Return the VM's resource name: the operator's, else Azure's, however long that takes."""
        if self._overrides.host:
            return self._overrides.host
        while self._inventory is None:
            await asyncio.sleep(self._due - self._monotonic())
            await self._read()
        return self._inventory.host

    async def refresh(self) -> Inventory | None:
        """Return the newest inventory, read again when it is due; None while there is none.

        What was read stands when a later reading fails. A service without instance documents (404) leaves what the
        operator fixed, if that includes the name.
        """
        if self._monotonic() >= self._due:
            await self._read()
        return self._inventory

    async def _read(self) -> None:
        try:
            self._inventory = await self._imds.read_instance(self._overrides)
        except MetadataError as fault:
            trouble = f"{fault}; {advice_on(fault.outcome)}"
            if trouble != self.trouble:
                _log.warning("instance document not read", reason=trouble)
            self.trouble = trouble
            if self._inventory is None and fault.outcome is MetadataOutcome.NOT_FOUND:
                self._inventory = _fixed(self._overrides)
            self._due = self._monotonic() + self._pauses.after(fault)
            return
        self.trouble = ""
        self._pauses.clear()
        self._due = self._monotonic() + REFRESH_SECONDS


def _fixed(overrides: Overrides) -> Inventory | None:
    if not overrides.host:
        return None
    return Inventory(host=overrides.host, pools=overrides.pools, group=overrides.group or "")
