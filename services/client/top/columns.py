"""The columns of the panes of `leeward top`."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from services.client.output import Column, Row, field
from services.client.top.board import PaneName

COLUMNS: Mapping[PaneName, tuple[Column, ...]] = MappingProxyType(
    {
        PaneName.HOSTS: (
            field("HOST", "host", whole=True),
            field("CONDITION", "condition", whole=True),
            field("WATCHER", "watcher"),
            field("POOLS", "pools"),
            field("RUNNING", "running"),
            field("HELD", "held"),
            field("REASON", "reason"),
        ),
        PaneName.EVENTS: (
            field("TYPE", "type", whole=True),
            field("HOSTS", "resources"),
            field("STATUS", "status"),
            Column("NOT BEFORE", lambda row: _clock(row.get("notBefore")), whole=True),
            field("OUTCOME", "outcome"),
            field("APPROVAL", "approval", "state"),
            field("EVENT", "eventId"),
        ),
        PaneName.JOBS: (
            field("JOB", "job", whole=True),
            field("STATE", "state"),
            field("LAST", "news", whole=True),
            Column("AT", lambda row: _clock(row.get("newsAt")), whole=True),
            field("HOST", "host"),
            Column("NEXT", lambda row: _clock(row.get("next")), whole=True),
            field("RUNS", "runs"),
            field("FAILED", "failed"),
        ),
    }
)
STYLES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("available", "succeeded", "completed"), "green"),
        **dict.fromkeys(("cordoned", "held", "postponed", "active", "Scheduled", "rerouted"), "yellow"),
        **dict.fromkeys(("drained", "released", "started"), "cyan"),
        **dict.fromkeys(("interrupted", "failed", "missed", "Started", "silent", "offline"), "red"),
    }
)
"""Colours of words; the word always stands there, too."""


def word_style(column: Column, row: Row) -> str:
    """Return the style of a cell."""
    return STYLES.get(column.cell(row), "")


def _clock(value: object) -> str:
    """Return the time of day here."""
    if value is None:
        return "-"
    at = (value if isinstance(value, datetime) else datetime.fromisoformat(str(value))).astimezone()
    return f"{at:%H:%M:%S}"
