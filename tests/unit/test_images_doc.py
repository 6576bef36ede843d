"""docs/howto/images.md: its commands name images, programs, ports, folders and settings that are there."""

import re
import shlex
import tomllib
from collections.abc import Iterator

from shared.settings import SHARED_NAMES
from tests.parts.dockerfiles import ROOT, SERVICES, read_dockerfile

PAGE = (ROOT / "docs" / "howto" / "images.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def commands(program: str) -> Iterator[list[str]]:
    """Yield the words of each command of the page that runs a program."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == [program]:
                yield words


def values(option: str) -> set[str]:
    return {words[place + 1] for words in commands("docker") for place, word in enumerate(words) if word == option}


def test_images_are_of_this_version() -> None:
    named = {word for words in commands("docker") for word in words if re.match(r"leeward-\w+:\d", word)}
    assert named == {f"leeward-{service}:{PROJECT['version']}" for service in SERVICES}


def test_programs_are_installed() -> None:
    assert values("--entrypoint") <= {*PROJECT["scripts"], "python"}
    modules = re.findall(r"-m (shared\.\w+)", PAGE)
    assert modules
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []


def test_volumes_and_ports_are_those_of_the_images() -> None:
    final = read_dockerfile("scheduler").final
    assert {volume.partition(":")[2] for volume in values("--volume")} == {final.last("WORKDIR").value}
    assert {port.rpartition(":")[2] for port in values("--publish")} <= set(final.last("EXPOSE").value.split())


def test_settings_are_there() -> None:
    names = {name.removeprefix("LEEWARD_").lower() for name in re.findall(r"LEEWARD_[A-Z_]+", PAGE)}
    assert names - SHARED_NAMES == set()


def test_the_variables_of_make_are_there() -> None:
    told = {word.partition("=")[0] for words in commands("make") for word in words if "=" in word}
    makefile = (ROOT / "Makefile").read_text()
    assert told == set(re.findall(r"^(IMAGE_\w+) \?=", makefile, re.MULTILINE))


def test_the_table_has_what_the_images_fix() -> None:
    for service in SERVICES:
        final = read_dockerfile(service).final
        listens = [value for name, value in final.pairs("ENV").items() if name.endswith("LISTEN")]
        fixed = [final.last("USER").value, final.last("WORKDIR").value, *listens]
        assert [value for value in fixed if f"`{value}`" not in PAGE] == []


def test_the_number_of_packages_is_that_of_the_locks() -> None:
    counts = [(ROOT / "services" / each / "requirements.txt").read_text().count("==") for each in SERVICES]
    assert f"| packages in the lock | {counts[0]} | {counts[1]} |" in PAGE
