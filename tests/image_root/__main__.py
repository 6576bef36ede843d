"""`python -m tests.image_root`: both Dockerfiles, each line of them, in roots of Debian, and what then runs there.

Needs root, debootstrap and a network; not part of CI. Prints what docs/howto/images.md tells of sizes and times.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from tests.parts.contained import Container, nobody
from tests.parts.dockerfiles import ROOT, SERVICES, Stage, read_dockerfile
from tests.parts.image_build import build
from tests.parts.image_roots import Roots
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.waiting import until

_FOLDER = ROOT / "build" / "image-root"
_MARK = "IMAGE_ROOT_IS_UNSHARED"
_PROBES = {
    "write into the root": "open('/planted', 'w')",
    "write into the installation": "import shared; open(shared.__path__[0] + '/planted', 'w')",
    "become root": "import os; os.setuid(0)",
    "run pip": "import pip",
    "find a compiler": "import shutil; assert shutil.which('cc') or shutil.which('gcc')",
}


async def prove(service: str) -> None:
    """Build a service's image as a root, run it read-only as nobody, and say what came of it."""
    dockerfile = read_dockerfile(service)
    roots = Roots(_FOLDER / service, _FOLDER / "bases")
    begun = time.monotonic()
    build(dockerfile, roots)
    _say(service, "built", f"{time.monotonic() - begun:.0f} s, {dockerfile.final.base} by debootstrap")
    whole, installation = _megabytes(roots.root), _megabytes(roots.root / "opt/leeward")
    _say(service, "size", f"{installation} MB installed; root {whole} MB, of which {_megabytes(roots.base)} MB base")
    roots.lock(PurePosixPath(dockerfile.final.last("WORKDIR").value))
    with TemporaryDirectory() as folder:
        async with _surroundings(service, Path(folder)) as settings:
            await _live(service, dockerfile.final, roots, settings)


async def _live(service: str, stage: Stage, roots: Roots, settings: dict[str, str]) -> None:
    port = free_port()
    rights = nobody(stage.last("USER").value)
    begun = time.monotonic()
    async with Container(stage, roots, rights, {**settings, "LEEWARD_OPS_LISTEN": f"127.0.0.1:{port}"}) as container:
        await listening(port)
        _say(service, "answers", f"/livez after {time.monotonic() - begun:.2f} s")
        await until(container.is_healthy)
        await until(container.is_ready)
        _say(service, "ready", f"/readyz after {time.monotonic() - begun:.2f} s, asked by shared.health")
        for what, program in _PROBES.items():
            code, said = await container.run("python", "-c", program)
            _say(service, "cannot" if code else "CAN", f"{what}: {said.strip().splitlines()[-1] if said else ''}")
        code, said = await container.stop()
        _say(service, "ended", f"with code {code} after SIGTERM")
        if code:
            raise SystemExit(said)


@asynccontextmanager
async def _surroundings(service: str, folder: Path) -> AsyncIterator[dict[str, str]]:
    port = free_port()
    emulator = Program("services.vmwatch.emulator", f"--listen=127.0.0.1:{port}", "--vm=db-0:db", log=folder / "imds")
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        bus = broker.environment(service)
        if service == "scheduler":
            yield {**bus, "LEEWARD_LISTEN": f"127.0.0.1:{free_port()}"}
        else:
            await stack.enter_async_context(emulator)
            yield {**bus, "LEEWARD_IMDS_URL": f"http://127.0.0.1:{port}/vm/db-0"}


def _megabytes(folder: Path) -> int:
    asked = ["du", "--one-file-system", "--summarize", "--block-size=1000000", str(folder)]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0])


def _say(service: str, what: str, more: str) -> None:
    print(f"{service:10} {what:8} {more}", flush=True)  # noqa: T201


def main() -> None:
    """Go into a mount namespace of its own, then prove each service."""
    if os.getuid() != 0:
        raise SystemExit("this mounts and enters roots: run it as root")
    if shutil.which("debootstrap") is None:
        raise SystemExit("no debootstrap: apt-get install debootstrap")
    if os.environ.get(_MARK) is None:
        arguments = ["unshare", "--mount", "env", f"{_MARK}=1", sys.executable, "-m", "tests.image_root"]
        os.execvp(arguments[0], [*arguments, *sys.argv[1:]])
    for service in sys.argv[1:] or SERVICES:
        shutil.rmtree(_FOLDER / service, ignore_errors=True)
        try:
            asyncio.run(prove(service))
        except subprocess.CalledProcessError as fault:
            raise SystemExit(f"{fault}\n{fault.stdout}{fault.stderr or ''}") from None


if __name__ == "__main__":
    main()
