"""docs/lifecycle.md tells the truth: its tests exist, and its pictures show the code's states and transitions."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from services.scheduler.domain.executions import OCCURRENCE_TRANSITIONS, OccurrenceState
from services.scheduler.domain.hosts import SCHEDULED, STARTED, HostCondition
from services.scheduler.domain.jobs import TRANSITIONS, JobState
from services.scheduler.store.records import (
    EventOutcome,
)
from tests.parts.reference import DOCS

TEXT = (DOCS / "lifecycle.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
OUTSIDE = "[*]"


def arrows(title: str) -> set[tuple[str, str]]:
    """Return the arrows of the picture below a heading."""
    picture = re.search(rf"^## {title}$.*?```mermaid\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    assert picture is not None
    return {(start, end) for start, end in re.findall(r"^\s+(\S+) --> ([^:\s]+)", picture[1], re.MULTILINE)}


def states(title: str) -> set[str]:
    return {state for arrow in arrows(title) for state in arrow} - {OUTSIDE}


def inner(title: str) -> set[tuple[str, str]]:
    return {arrow for arrow in arrows(title) if OUTSIDE not in arrow}


def test_every_test_named_in_a_document_exists() -> None:
    named = {pair for document in DOCS.rglob("*.md") for pair in re.findall(NAMED, document.read_text())}
    assert len(named) > 50
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in source(file)]
    assert missing == []


def source(file: str) -> str:
    path = DOCS.parent / file
    return path.read_text() if path.exists() else ""


def test_a_job_moves_as_its_table_says() -> None:
    assert states("Job") == set(JobState)
    assert inner("Job") == transitions(TRANSITIONS)


def test_an_occurrence_moves_as_its_table_says() -> None:
    assert states("Occurrence") == set(OccurrenceState)
    assert inner("Occurrence") == transitions(OCCURRENCE_TRANSITIONS)


def transitions(table: Mapping[Any, frozenset[StrEnum]]) -> set[tuple[str, str]]:
    return {(str(start), str(end)) for start, ends in table.items() for end in ends if start != end}


def test_every_condition_of_a_host_is_shown() -> None:
    assert states("Host") == set(HostCondition)


def test_every_outcome_of_an_event_is_shown() -> None:
    assert states("Event") == {SCHEDULED, STARTED, *EventOutcome} - {EventOutcome.ACTIVE}
