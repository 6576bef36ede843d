"""What the scheduler says happened: history rows and jobs, read by the API to the last page."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from tests.drill.records import Action, Row, Status, Tally

Call = Callable[[str, str], Awaitable[Any]]
_PAGE = 100
_ENDED = frozenset({"completed", "faulted", "disabled"})


async def read_rows(call: Call, job: str) -> tuple[Row, ...]:
    """Return a job's whole history."""
    rows: list[Row] = []
    while True:
        query = f"$top={_PAGE}&$skip={len(rows)}"
        page = (await call("GET", f"/collections/drill/jobs/{job}/history?{query}"))["value"]
        rows += [_row(job, row) for row in page]
        if len(page) < _PAGE:
            return tuple(rows)


async def read_tallies(call: Call) -> tuple[Tally, ...]:
    """Return where all jobs stand and what they have counted."""
    tallies: list[Tally] = []
    while True:
        page = (await call("GET", f"/collections/drill/jobs?$top={_PAGE}&$skip={len(tallies)}"))["value"]
        tallies += [_tally(job) for job in page]
        if len(page) < _PAGE:
            return tuple(tallies)


def at_rest(tallies: tuple[Tally, ...]) -> bool:
    """Whether no job has anything to come."""
    return all(tally.state in _ENDED for tally in tallies)


def _tally(job: dict[str, Any]) -> Tally:
    counted = job.get("status") or {}
    return Tally(
        job=job["name"],
        state=job["state"].lower(),
        executions=counted.get("executionCount"),
        failures=counted.get("failureCount"),
        faulted=counted.get("faultedCount"),
    )


def _row(job: str, row: dict[str, Any]) -> Row:
    return Row(
        job=job,
        occurrence=row["occurrenceId"],
        scheduled=_seconds(row["scheduledTime"]),
        started=_seconds(row["startTime"]),
        ended=_seconds(row["endTime"]),
        action=Action.ERROR if row["actionName"].lower().startswith("error") else Action.MAIN,
        status=Status(row["status"]),
        attempt=row["attempt"],
        reason=row.get("reason") or "",
        message=row.get("message") or "",
    )


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
