"""What holds for every Dockerfile of ours, read as the builder reads it (hadolint judges the rest, in `make lint`)."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as WatcherSettings
from shared.settings import parse_listen
from tests.parts.dockerfiles import ROOT, SERVICES, read_dockerfile
from tests.parts.image_build import context
from tests.parts.locks import normal, read_build_lock

SETTINGS: dict[str, type[msgspec.Struct]] = {"scheduler": SchedulerSettings, "vmwatch": WatcherSettings}
each_service = pytest.mark.parametrize("service", SERVICES)


def default_ports(service: str) -> dict[str, int]:
    """Return the variable and the port of each address that a service listens on without being told."""
    fields = msgspec.structs.fields(SETTINGS[service])
    defaults = {f"LEEWARD_{field.name.upper()}": field.default for field in fields if field.name.endswith("listen")}
    return {name: parse_listen(text).port for name, text in defaults.items() if text}


@each_service
def test_hadolint_has_nothing_to_say(service: str) -> None:
    program, path = Path(sys.executable).with_name("hadolint"), read_dockerfile(service).path
    ended = subprocess.run([program, "--no-color", path], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@each_service
def test_an_image_runs_as_a_number_that_is_not_root(service: str) -> None:
    user = read_dockerfile(service).final.last("USER").value
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


@each_service
def test_all_stages_stand_on_one_base_with_a_version_and_another_can_be_named(service: str) -> None:
    bases = {stage.base for stage in read_dockerfile(service).stages}
    assert [re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) is not None for base in bases] == [True]
    other = read_dockerfile(service, {"BASE": "mirror/python@sha256:0"})
    assert {stage.base for stage in other.stages} == {"mirror/python@sha256:0"}
    assert other.final.pairs("LABEL")["org.opencontainers.image.base.name"] == "mirror/python@sha256:0"


@each_service
def test_the_ports_are_those_of_the_code_on_all_addresses(service: str) -> None:
    final, ports = read_dockerfile(service).final, default_ports(service)
    assert {name: final.pairs("ENV")[name] for name in ports} == {name: f"0.0.0.0:{p}" for name, p in ports.items()}
    assert final.last("EXPOSE").value.split() == [str(port) for port in ports.values()]


@each_service
def test_only_the_operations_port_and_what_asks_for_tokens_listens_on_all_addresses(service: str) -> None:
    opened = {name for name, value in read_dockerfile(service).final.pairs("ENV").items() if "0.0.0.0" in value}
    assert opened <= {"LEEWARD_OPS_LISTEN", "LEEWARD_LISTEN"}
    with pytest.raises(ValueError, match="only a loopback address is accepted"):
        SchedulerSettings(listen=read_dockerfile("scheduler").final.pairs("ENV")["LEEWARD_LISTEN"])


@each_service
def test_the_program_is_its_own_first_process_and_is_asked_how_it_is(service: str) -> None:
    final = read_dockerfile(service).final
    assert final.last("ENTRYPOINT").value == f'["leeward-{service}"]'
    assert final.last("STOPSIGNAL").value == "SIGTERM"
    assert final.last("HEALTHCHECK").command == ["python", "-m", "shared.health"]


@each_service
def test_nothing_that_lies_in_the_data_folder_is_imported(service: str) -> None:
    final = read_dockerfile(service).final
    assert {"PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE"} <= set(final.pairs("ENV"))
    assert final.last("WORKDIR").value == "/var/lib/leeward"


@each_service
def test_the_labels_say_what_it_is_and_which(service: str) -> None:
    given = {"VERSION": "1.2.3", "REVISION": "abc", "CREATED": "2027-01-31T00:00:00Z"}
    labels = read_dockerfile(service, given).final.pairs("LABEL")
    told = {name: labels[f"org.opencontainers.image.{name.lower()}"] for name in given}
    assert (told, labels["org.opencontainers.image.title"]) == (given, f"leeward-{service}")


@each_service
def test_what_is_copied_is_there_and_no_stage_takes_compilers_or_pip(service: str) -> None:
    dockerfile = read_dockerfile(service)
    copied = [step.words for stage in dockerfile.stages for step in stage.all("COPY")]
    sources = [source for words in copied if not words[0].startswith("--") for source in words[:-1]]
    assert [source for source in sources if not (ROOT / source).exists() or context().match_file(source)] == []
    assert [words for words in copied if words[0].startswith("--")] == [
        ["--from=build", "/opt/leeward", "/opt/leeward"]
    ]
    assert [step for step in dockerfile.final.all("RUN") if re.search(r"apt-get|pip3? install", step.value)] == []


@each_service
def test_everything_is_installed_by_hash_and_the_names_are_guarded(service: str) -> None:
    commands = " && ".join(step.value for step in read_dockerfile(service).stages[0].all("RUN"))
    fetching = [part for part in commands.split("&&") if "requirement " in part]
    assert len(fetching) == 2
    assert all("--require-hashes" in part and "--only-binary :all:" in part for part in fetching)
    assert commands.rstrip().endswith("python -P -m shared.installed")


def test_nothing_that_may_be_secret_or_is_not_needed_gets_to_the_builder() -> None:
    kept_out = (".git/config", "tests/parts/ports.py", "leeward.db", "leeward.keys", "services/leeward.keys", ".venv/x")
    assert [name for name in kept_out if not context().match_file(name)] == []


def test_what_builds_the_wheels_is_what_the_project_asks_for() -> None:
    asked = (ROOT / "pyproject.toml").read_text().split("requires = [")[1].split("]")[0].strip('"')
    requirement, pin = Requirement(asked), read_build_lock()[normal(Requirement(asked).name)]
    assert requirement.specifier.contains(pin.version)


def test_make_names_the_engine_the_file_and_the_version(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.write_text('#!/bin/sh\necho "$@"\n')
    engine.chmod(0o755)
    told = ["make", "--silent", "images", f"IMAGE_ENGINE={engine}", "IMAGE_PREFIX=team/", "IMAGE_OPTIONS=--pull"]
    lines = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [re.findall(r"^build --file (\S+) --tag (\S+):\d+\.\d+\.\d+ .*--pull \.$", line) for line in lines] == [
        [(f"services/{service}/Dockerfile", f"team/leeward-{service}")] for service in SERVICES
    ]
