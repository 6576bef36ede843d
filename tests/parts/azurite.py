"""Azurite, Microsoft's emulator of Azure Storage, its queues only; and Microsoft's client to look into them."""

import base64
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.queue import AccountSasPermissions, QueueServiceClient, ResourceTypes, generate_account_sas

from tests.parts.ports import free_port, listening

ACCOUNT = "account1"
KEY = base64.b64encode(b"the key of a storage account of the tests").decode()
PROGRAM = Path(__file__).parents[2] / ".tools/azurite/node_modules/azurite/dist/src/queue/main.js"


class Azurite:
    """One emulator on a free loopback port; nothing of it is stored."""

    def __init__(self, folder: Path) -> None:
        """Prepare to run in a folder."""
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        assert PROGRAM.exists(), "no Azurite: .ci/azurite installs it"
        self._run()
        await listening(self.port, seconds=60)

    def _run(self) -> None:
        flags = ("--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent")
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                ["node", str(PROGRAM), "--queuePort", str(self.port), *flags],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def end(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    @property
    def endpoint(self) -> str:
        """Return its address as a template."""
        return f"http://127.0.0.1:{self.port}/{{account}}"

    def client(self) -> QueueServiceClient:
        """Return Microsoft's client, with all rights. It closes as a context manager does."""
        url = self.endpoint.format(account=ACCOUNT)
        return QueueServiceClient(url, credential={"account_name": ACCOUNT, "account_key": KEY})

    def sas(self, permission: str = "a", *, lasts: timedelta = timedelta(hours=1)) -> str:
        """Return a token made by Microsoft's client: `a` adds messages, `r` reads them."""
        return str(
            generate_account_sas(
                ACCOUNT,
                KEY,
                resource_types=ResourceTypes(object=True),
                permission=AccountSasPermissions(add="a" in permission, read="r" in permission),
                expiry=datetime.now(UTC) + lasts,
                protocol="https,http",
            )
        )
