"""A Dockerfile, read: its stages and their steps, with the values of its arguments and variables put in."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import msgspec
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
SERVICES = ("scheduler", "vmwatch")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNSHELLED = {"ENV", "LABEL", "ARG", "FROM", "WORKDIR", "USER", "EXPOSE"}
"""Here the builder puts in variables; in RUN the shell does."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction as it stands, but for the variables that the builder puts in."""

    instruction: str
    value: str

    @property
    def words(self) -> list[str]:
        """The value split as a shell does, or the words of the exec form, which is a JSON list."""
        return _words(self.value)

    @property
    def command(self) -> list[str]:
        """The words behind the options of a HEALTHCHECK."""
        return _words(self.value.partition(" CMD ")[2])


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What stands between two FROMs."""

    name: str
    base: str
    steps: tuple[Step, ...]

    def all(self, instruction: str) -> list[Step]:
        """Return the steps of one kind, in order."""
        return [step for step in self.steps if step.instruction == instruction]

    def last(self, instruction: str) -> Step:
        """Return the one that counts of a kind where the last one does; fails without any."""
        return self.all(instruction)[-1]

    def pairs(self, instruction: str) -> dict[str, str]:
        """Return all NAME=value of ENV, LABEL or ARG."""
        words = (word for step in self.all(instruction) for word in step.words)
        return {name: value for name, _, value in (word.partition("=") for word in words)}


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file; the last stage is the image."""

    path: Path
    stages: tuple[Stage, ...]

    @property
    def final(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]


def read_dockerfile(service: str, arguments: Mapping[str, str] | None = None) -> Dockerfile:
    """Return a service's Dockerfile, as it is built with these arguments (`--build-arg`)."""
    path = ROOT / "services" / service / "Dockerfile"
    parser = DockerfileParser(fileobj=StringIO(path.read_text()), cache_content=True)
    raw = [(entry["instruction"], entry["value"]) for entry in parser.structure if entry["instruction"] != "COMMENT"]
    first = next(index for index, (instruction, _) in enumerate(raw) if instruction == "FROM")
    outside = dict(_assigned(value, arguments or {}, {}) for _, value in raw[:first])
    return Dockerfile(path=path, stages=tuple(_stages(raw[first:], outside, arguments or {})))


def _words(text: str) -> list[str]:
    return [str(word) for word in json.loads(text)] if text.startswith("[") else shlex.split(text)


def _stages(raw: list[tuple[str, str]], outside: Mapping[str, str], arguments: Mapping[str, str]) -> Iterator[Stage]:
    starts = [index for index, (instruction, _) in enumerate(raw) if instruction == "FROM"]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(raw)], strict=True)):
        base, *name = _filled(raw[start][1], outside).split()
        steps = tuple(_steps(raw[start + 1 : end], outside, arguments))
        yield Stage(name=name[1] if name else str(number), base=base, steps=steps)


def _steps(raw: list[tuple[str, str]], outside: Mapping[str, str], arguments: Mapping[str, str]) -> Iterator[Step]:
    values = {"PATH": _BASE_PATH}
    for instruction, text in raw:
        value = _filled(text, values) if instruction in _UNSHELLED else text
        if instruction == "ARG":
            name, given = _assigned(value, arguments, outside)
            values[name] = given
            value = f"{name}={given}"
        step = Step(instruction=instruction, value=value)
        if instruction == "ENV":
            values.update((word.partition("=")[0], word.partition("=")[2]) for word in step.words)
        yield step


def _assigned(text: str, arguments: Mapping[str, str], outside: Mapping[str, str]) -> tuple[str, str]:
    name, _, default = text.partition("=")
    return name, arguments.get(name, default or outside.get(name, ""))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], ""), text)
