"""Reads documents from files: JSON or YAML, `-` for standard input."""

import json
import re
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml
from yaml.constructor import SafeConstructor

STANDARD_INPUT = "-"
_COMMENT = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class UnreadableError(ValueError):
    """A text is neither JSON nor YAML; `line` counts from 1."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class _Values(SafeConstructor):
    """Makes values; a document that holds itself, which no JSON can, is refused by going down at once."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Return a document."""
        self.deep_construct = True
        return super().construct_document(node)


class _Loader(_Values, yaml.SafeLoader):
    """YAML 1.2's plain scalars: times stay text, `10:00:00` is no number, `on` is no truth value."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


class _FastLoader(_Values, yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """The same with libyaml's parser, ten times as fast (measured); a document nested too deeply would crash it."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


Loader = type[_Loader] | type[_FastLoader]
_DEEPEST = 200


def loader_of(text: str) -> Loader:
    """Return the loader that a text may be given to."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_FastLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return _Loader
    except (yaml.YAMLError, ValueError):
        return _Loader
    return _FastLoader


def read_document(source: str) -> Any:
    """Return what a file (or standard input for `-`) holds: JSON, with comments as in templates, or YAML.

    Raises BadParameter.
    """
    text = _text(source)
    # YAML would read JSON, too, but takes a hundred times as long: minutes for ten thousand jobs.
    for candidate in _candidates(text):
        try:
            return msgspec.json.decode(candidate)
        except (msgspec.DecodeError, RecursionError):
            continue
    try:
        return yaml.load(text, Loader=loader_of(text))  # noqa: S506 - a SafeLoader with fewer types
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise click.BadParameter(f"{source} is neither JSON nor YAML: {fault}", param_hint="--file") from fault


def read_all(text: str) -> list[Any]:
    """Return every document in a text: JSON ones one after the other, or YAML ones between `---`.

    Raises UnreadableError.
    """
    try:
        return [document for document, _, _ in json_documents(blanked(text))]
    except ValueError as fault:
        if text.lstrip().startswith("{") and isinstance(fault, json.JSONDecodeError) and not _is_yaml(text):
            raise UnreadableError(f"no JSON: {fault.msg}", fault.lineno) from fault
    except RecursionError as fault:
        raise UnreadableError("nested more deeply than any document can be", 1) from fault
    try:
        return [one for one in yaml.load_all(text, Loader=loader_of(text)) if one is not None]
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise UnreadableError(f"no YAML: {fault.problem}", mark.line + 1 if mark else 1) from fault
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise UnreadableError(f"no YAML: {fault}", 1) from fault


def json_documents(text: str) -> Iterator[tuple[Any, int, int]]:
    """Yield JSON documents, each with where in the text it begins and ends.

    Raises JSONDecodeError where something else begins.
    """
    decoder, place = json.JSONDecoder(), 0
    while rest := text[place:].lstrip():
        start = len(text) - len(rest)
        document, place = decoder.raw_decode(text, start)
        yield document, start, place


def blanked(text: str) -> str:
    """Return JSON with its comments taken out, every line where it was."""
    return _COMMENT.sub(lambda match: match["text"] or re.sub(r"[^\n]", " ", match[0]), text)


def read_text(source: str) -> str:
    """Return the text of a file, `-` for standard input; raises BadParameter."""
    return _text(source)


def read_object(source: str) -> dict[str, Any]:
    """Return the one object a file holds; raises BadParameter."""
    document = read_document(source)
    if not isinstance(document, dict):
        raise click.BadParameter(f"{source} must hold one object", param_hint="--file")
    return document


def overlay(base: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with everything in `upper` put over it, objects merged."""
    merged = dict(base)
    for name, value in upper.items():
        below = merged.get(name)
        merged[name] = overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _is_yaml(text: str) -> bool:
    try:
        for _ in yaml.parse(text):
            continue
    except (yaml.YAMLError, RecursionError):
        return False
    return True


def _candidates(text: str) -> Iterator[str]:
    yield text
    yield _COMMENT.sub(lambda match: match["text"] or " ", text)


def _text(source: str) -> str:
    try:
        if source == STANDARD_INPUT:
            return sys.stdin.read()
        raw = Path(source).read_bytes()
        # PowerShell's `>` writes UTF-16.
        return raw.decode("utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise click.BadParameter(f"{source} cannot be read: {fault}", param_hint="--file") from fault
