"""The alerting rules as tests read them, and a hastened copy that real trouble makes fire within seconds."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

MONITORING = Path(__file__).parents[2] / "k8s" / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yaml"))
HASTE = "10s"
_WINDOW = re.compile(r"\[\d+[smhd]\]")
_BEFORE = re.compile(r"\boffset \d+[smhd]\b")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a file: `alert` names an alert, `record` a recorded figure; the other one is empty."""

    expr: str
    alert: str = ""
    record: str = ""
    lasting: str = msgspec.field(name="for", default="")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are judged one after the other."""

    name: str
    rules: list[Rule]
    interval: str = ""


class _File(msgspec.Struct, frozen=True):
    groups: list[Group]


def groups_of(file: Path) -> list[Group]:
    """Return what stands in a rule file."""
    return msgspec.convert(yaml.safe_load(file.read_text()), _File, strict=True).groups


def rules() -> Iterator[Rule]:
    """Yield every rule of every file."""
    for file in RULES:
        for group in groups_of(file):
            yield from group.rules


def alerts() -> list[Rule]:
    """Return the alerting rules."""
    return [rule for rule in rules() if rule.alert]


def hastened(folder: Path) -> list[Path]:
    """Write a copy of the rules that waits for nothing, and return its files.

    Three things are changed and nothing else: `for` is none, every range and every step back is HASTE long, and groups
    are judged at each interval of the server's. What an alert asks of the figures is what it asks in earnest.
    """
    return [_hastened(file, folder) for file in RULES]


def _hastened(file: Path, folder: Path) -> Path:
    document = yaml.safe_load(file.read_text())
    for group in document["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule.pop("for", None)
            rule["expr"] = _BEFORE.sub(f"offset {HASTE}", _WINDOW.sub(f"[{HASTE}]", rule["expr"]))
    copy = folder / file.name
    copy.write_text(yaml.safe_dump(document))
    return copy
