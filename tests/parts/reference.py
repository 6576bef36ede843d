"""What in docs/ comes from the code, tables and whole pages: `python -m tests.parts.reference` writes it anew."""

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from services.scheduler.metrics import Metrics as SchedulerMetrics
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.metrics import Metrics as WatcherMetrics
from services.vmwatch.settings import Settings as WatcherSettings
from tests.parts import apply_schema, cli_reference, man_pages, operator_rules
from tests.parts.asyncapi import DOCUMENT, rendered
from tests.parts.metric_units import unit_of

DOCS = Path(__file__).parents[2] / "docs"


def settings_table(kind: type[msgspec.Struct]) -> str:
    """Return every setting of a service: variable, default, purpose."""
    notes: Mapping[str, str] = kind.describe  # type: ignore[attr-defined]
    rows = [
        f"| `LEEWARD_{field.name.upper()}` | {_default(field)} | {notes[field.name].replace('|', '/')} |"
        for field in msgspec.structs.fields(kind)
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    if value == socket.gethostname():
        return "the machine's name"
    if value is None or value == ():
        return "none"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def metrics_table(registry: CollectorRegistry) -> str:
    """Return every metric of a service: name, type, unit, labels with their values, meaning."""
    head = ["| metric | type | unit | labels | meaning |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *_metrics(registry)])


def _metrics(registry: CollectorRegistry) -> Iterator[str]:
    collectors = registry._names_to_collectors
    for family in sorted(registry.collect(), key=lambda family: family.name):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = "; ".join(
            _label(label, {sample.labels[label] for sample in family.samples if label in sample.labels})
            for label in getattr(collectors.get(family.name), "_labelnames", ())
        )
        yield f"| `{name}` | {family.type} | {unit_of(family.name)} | {labels} | {family.documentation} |"


def _label(name: str, values: set[str]) -> str:
    known = ", ".join(f"`{value}`" for value in sorted(values)) if name != "version" else ""
    return f"`{name}`: {known}" if known else f"`{name}`"


TABLES: dict[str, Callable[[], str]] = {
    "settings of leeward-scheduler": lambda: settings_table(SchedulerSettings),
    "settings of leeward-vmwatch": lambda: settings_table(WatcherSettings),
    "metrics of leeward-scheduler": lambda: metrics_table(SchedulerMetrics("").registry),
    "metrics of leeward-vmwatch": lambda: metrics_table(WatcherMetrics("").registry),
}


def refreshed(text: str) -> str:
    """Return a document with the tables between its marks made anew."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name}: make docs -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text = marks.sub(lambda found, table=table: f"{found[1]}{table()}{found[2]}", text)  # type: ignore[misc]
    return text


def main() -> None:
    """Write every document anew."""
    for document in sorted(DOCS.glob("*.md")):
        document.write_text(refreshed(document.read_text()))
    DOCUMENT.write_text(rendered())
    cli_reference.PAGE.write_text(cli_reference.rendered())
    man_pages.write()
    operator_rules.MANIFEST.write_text(operator_rules.rendered())
    apply_schema.FILE.write_text(apply_schema.rendered())


if __name__ == "__main__":
    main()
