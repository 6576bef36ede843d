"""A real Node-RED with one flow, without its editor."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.parts.ports import free_port

PROGRAM = Path(__file__).parents[2] / ".tools/node-red/node_modules/node-red/red.js"
"""Where .ci/node-red puts it."""
_SETTINGS = """\
module.exports = {
    disableEditor: true, httpAdminRoot: false, uiHost: "127.0.0.1", credentialSecret: "none is stored",
    telemetry: {enabled: false, updateNotification: false},
};
"""


class NodeRed:
    """A running Node-RED, and what it says."""

    def __init__(self, folder: Path, flow: Path) -> None:
        """Lay out its folder with a copy of the flow."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(flow, folder / "flows.json")
        (folder / "settings.js").write_text(_SETTINGS)
        self.log = folder / "node-red.log"
        self.folder = folder

    @property
    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text()

    async def start(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        """Start it with nothing in its environment but what is given."""
        node = shutil.which("node")
        if node is None or not PROGRAM.exists():
            raise FileNotFoundError("Node-RED is not installed: run .ci/node-red (make servers)")
        arguments = ("-u", self.folder, "-s", self.folder / "settings.js", "-p", str(free_port()), "flows.json")
        with self.log.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                node, PROGRAM, *arguments, env=dict(environment), cwd=self.folder, stdout=log, stderr=log
            )


@asynccontextmanager
async def node_red(flow: Path, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[NodeRed]:
    """Run a flow inside the block."""
    running = NodeRed(folder, flow)
    process = await running.start(environment)
    try:
        yield running
    finally:
        process.kill()
        await process.wait()
