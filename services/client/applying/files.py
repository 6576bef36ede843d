"""Finds the files of `leeward apply` and reads them, so that every fault can be told with its file and line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from services.client.documents import STANDARD_INPUT, blanked, json_documents, loader_of, read_all, read_text

_ENDINGS = (".yaml", ".yml", ".json")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")

Steps = tuple[str | int, ...]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a file, and where."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        """Return it as compilers write theirs, which editors know how to open."""
        return f"{self.file}:{self.line}: {self.why}"


class File:
    """One file with its documents."""

    def __init__(self, name: str, text: str | None = None) -> None:
        """Read the file of this name (`-`: standard input), unless its text is given. Raises BadParameter."""
        self.name = name
        self.text = read_text(name) if text is None else text
        self._roots: list[yaml.Node] | None = None

    @property
    def folder(self) -> Path:
        """Where names of files in it begin."""
        return Path.cwd() if self.name == STANDARD_INPUT else Path(self.name).parent

    def documents(self) -> list[Any]:
        """Return what the file holds. Raises UnreadableError."""
        return read_all(self.text)

    def fault(self, why: str, number: int = 0, steps: Steps = ()) -> Fault:
        """Return a fault at a place of the document of this number, or as near to it as the file has something."""
        return Fault(file=self.name, line=self.line_of(number, steps), why=why)

    def line_of(self, number: int, steps: Steps) -> int:
        """Return the line a place stands in, counted from 1."""
        roots = self._composed()
        node = roots[number] if number < len(roots) else None
        line = node.start_mark.line if node else 0
        for step in steps:
            node, line = _below(node, step, line)
            if node is None:
                break
        return line + 1

    def _composed(self) -> list[yaml.Node]:
        """Return the documents with their places, which takes long: only asked for when there is something to tell."""
        if self._roots is None:
            self._roots = list(_composed(self.text))
        return self._roots


def find_files(paths: Sequence[str]) -> list[str]:
    """Return the files that paths name: a folder stands for all below it that end in .yaml, .yml or .json.

    What begins with a dot is left out. Raises BadParameter for a path that is not there, a folder without such files.
    """
    return list(dict.fromkeys(name for path in paths for name in _files(path)))


def steps_of(field: str) -> Steps:
    """Return a JSON path such as `recurrence.schedule.hours[0]` step by step."""
    return tuple(int(index) if index else name for index, name in _STEP.findall(field))


def _files(path: str) -> list[str]:
    place = Path(path)
    if path == STANDARD_INPUT or place.is_file():
        return [path]
    if not place.is_dir():
        raise click.BadParameter(f"{path} is not there", param_hint="-f")
    below = (one for one in sorted(place.rglob("*")) if one.suffix.lower() in _ENDINGS and one.is_file())
    files = [str(one) for one in below if not any(part.startswith(".") for part in one.relative_to(place).parts)]
    if not files:
        raise click.BadParameter(f"{path} has no file that ends in {', '.join(_ENDINGS)}", param_hint="-f")
    return files


def _composed(text: str) -> Iterator[yaml.Node]:
    """Yield the documents as nodes, none where they cannot be had."""
    try:
        # Tabs between the parts of JSON are nothing that YAML knows; within its texts they cannot stand.
        plain = blanked(text).replace("\t", " ")
        parts = ["\n" * plain.count("\n", 0, start) + plain[start:end] for _, start, end in json_documents(plain)]
    except ValueError:
        parts = [text]
    try:
        nodes = [node for part in parts for node in yaml.compose_all(part, Loader=loader_of(part))]
    except (yaml.YAMLError, RecursionError):
        return
    yield from (node for node in nodes if not _is_empty(node))


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")


def _below(node: yaml.Node | None, step: str | int, line: int) -> tuple[yaml.Node | None, int]:
    """Return what stands below a node at a step, and its line (of its name, where it has one); None: nothing."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line
    return None, line
