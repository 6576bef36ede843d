"""Microsoft's own clients as judges: each in its environment, at work on an API that lets everything due succeed."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from tests.parts.api_work import run_due
from tests.parts.fakes_api import Api, FakeEngine, running_api

_ROOT = Path(__file__).parents[2]
Notes = dict[str, Any]


class PromptEngine(FakeEngine):
    """Runs what is due as soon as it is woken."""

    def __init__(self) -> None:
        super().__init__()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def work(self, api: Api) -> None:
        """Let everything succeed that is due, each time somebody wakes it."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await run_due(api, message="Http Action - Response from host 'db-0': 'OK' Response Headers: A: b Body: c")


async def judged(version: str, *arguments: str, more: tuple[str, ...] = ()) -> Notes:
    """Return what the client of that version was told by an API of its own, whose address stands before `more`."""
    engine = PromptEngine()
    async with running_api(engine=engine) as api:
        working = asyncio.create_task(engine.work(api))
        try:
            return await ask_judge(version, *arguments, api.url, *more)
        finally:
            working.cancel()
            await asyncio.wait([working])


async def ask_judge(version: str, *arguments: str) -> Notes:
    """Return what the client of that version was told; the arguments are the judge's."""
    script = _ROOT / "tests" / "azure" / f"judge_{version}.py"
    notes: Notes = msgspec.json.decode(await run_script(version, script, *arguments))
    return notes


async def run_script(version: str, script: Path, *arguments: str) -> str:
    """Return what a script printed that ran in the environment of that client."""
    python = _ROOT / ".tools" / f"azure-{version}" / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{python} is missing: run .ci/azure-clients (make setup does)")
    process = await asyncio.create_subprocess_exec(
        python, "-W", "ignore", script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(90):
        output, faults = await process.communicate()
    assert process.returncode == 0, faults.decode()
    return output.decode()
