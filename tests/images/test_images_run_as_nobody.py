"""The images' steps carried out in a folder (no container engine), and the services run from the outcome alone."""

from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.parts.contained import Container, least_rights
from tests.parts.dockerfiles import read_dockerfile
from tests.parts.image_scratch import Scratch, built_in_scratch
from tests.parts.locks import normal, read_lock
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.waiting import until

WRITES = "import shared, pathlib; pathlib.Path(shared.__file__).with_name('planted.py').write_text('')"
TOOLS = "import importlib.util as u; print([one for one in ('pip', 'setuptools', 'wheel') if u.find_spec(one)])"
TOKENS = {"LEEWARD_TOKENS_FILE": "tokens"}
"""In the working directory, where `docs/howto/images.md` has it."""
MODULES = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f'{name}.'):
        if not found.name.endswith(('__main__', 'pytest_plugin')):
            importlib.import_module(found.name)
"""
"""Imports all there is of packages: what they bring in only when it is needed, too."""


def installed(image: Scratch) -> dict[str, str]:
    """Return the version of each distribution in the image, but for Leeward itself."""
    (packages,) = image.root.glob("opt/leeward/lib/python3*/site-packages")
    found = {normal(each.name): each.version for each in distributions(path=[str(packages)])}
    assert found.pop("leeward")
    return found


def nobody_in(image: Scratch, service: str, **settings: str) -> Container:
    """Return a container of the image that nobody may write to, who listens on loopback only."""
    stage = read_dockerfile(service).final
    rights = least_rights(stage.last("USER").value, image.python)
    image.lock(rights)
    return Container(stage, image, rights, {"LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}", **settings})


async def check_life(container: Container, *packages: str) -> None:
    """Healthy and ready, able to import all of itself, nothing to write to or to install with, an end in order."""
    await until(container.is_healthy)
    await until(container.is_ready)
    assert await container.run("python", "-c", MODULES, "shared", *packages) == (0, "")
    code, said = await container.run("python", "-c", WRITES)
    assert (code, "PermissionError" in said or "Read-only" in said) == (1, True)
    assert await container.run("python", "-c", TOOLS) == (0, "[]\n"), said
    code, said = await container.stop()
    assert code == 0, said


@pytest.mark.system
@pytest.mark.timeout(400)
async def test_the_schedulers_image_has_what_its_lock_names_and_serves_as_nobody(tmp_path: Path) -> None:
    with built_in_scratch("scheduler") as image:
        assert installed(image) == {name: pin.version for name, pin in read_lock("scheduler").items()}
        async with nobody_in(image, "scheduler") as open_to_all:
            code, said = await open_to_all.ended()
            assert (code, "only a loopback address is accepted" in said) == (2, True), said
        async with Mosquitto(tmp_path) as broker:
            listen = f"127.0.0.1:{free_port()}"
            settings = {**broker.environment("leeward-scheduler"), "LEEWARD_LISTEN": listen, **TOKENS}
            container = nobody_in(image, "scheduler", **settings)
            _, said = await container.run("leeward", "tokens", "add", "tokens", "alice", "--role", "operator")
            token = next(word for word in said.split() if word.startswith("lwd_"))
            async with container:
                await until(container.is_ready)
                as_alice = ("env", f"LEEWARD_URL=http://{listen}", f"LEEWARD_TOKEN={token}", "leeward")
                answer = await container.run(*as_alice, "host", "list", "--output", "json")
                assert answer == (0, "[]\n"), answer[1]
                await check_life(container, "services.scheduler", "services.operations", "services.client")
        assert (image.root / "var/lib/leeward/leeward.db").exists()


@pytest.mark.system
@pytest.mark.timeout(400)
async def test_the_watchers_image_has_what_its_lock_names_and_serves_as_nobody(tmp_path: Path) -> None:
    port = free_port()
    emulator = Program("services.vmwatch.emulator", f"--listen=127.0.0.1:{port}", "--vm=db-0:db", log=tmp_path / "imds")
    with built_in_scratch("vmwatch") as image:
        assert installed(image) == {name: pin.version for name, pin in read_lock("vmwatch").items()}
        async with Mosquitto(tmp_path) as broker, emulator:
            settings = {**broker.environment("db-0"), "LEEWARD_IMDS_URL": f"http://127.0.0.1:{port}/vm/db-0"}
            async with nobody_in(image, "vmwatch", **settings) as container:
                await check_life(container, "services.vmwatch", "services.client")
        assert list((image.root / "var/lib/leeward").iterdir()) == []
