"""Many jobs from one file."""

from typing import Any

import click

from services.client.command import Target
from services.client.connection import path
from services.client.documents import overlay, read_document
from services.client.errors import RefusedError
from services.client.job_options import JobFlags, flags_document
from services.client.output import Column, field, show_rows

_PER_REQUEST = 5000
_ANSWERS = (
    field("JOB", "name", whole=True),
    field("STATUS", "status"),
    Column("ERROR", lambda row: _reason(row.get("error"))),
)


def create_many(target: Target, collection: str, flags: JobFlags) -> None:
    """Create or replace every job of the file in a collection, the other flags put over each.

    Raises RefusedError when one was refused; the others are written all the same.
    """
    if flags.source is None:
        raise click.BadParameter(
            f"{collection!r}: write COLLECTION/JOB, or give --file with named jobs", param_hint="JOB"
        )
    upper = flags_document(flags)
    jobs = [overlay(one, upper) for one in _listed(read_document(flags.source))]
    answers: list[dict[str, Any]] = []
    for start in range(0, len(jobs), _PER_REQUEST):
        batch = {"value": jobs[start : start + _PER_REQUEST]}
        answers += target.call("POST", path("collections", collection, "jobs:batch"), batch)["value"]
    show_rows(answers, _ANSWERS, target.shape)
    refused = sum("error" in answer for answer in answers)
    if refused:
        raise RefusedError(f"{refused} of {len(answers)} jobs were refused")


def _listed(document: Any) -> list[dict[str, Any]]:
    jobs = document.get("value", [document]) if isinstance(document, dict) else document
    if not isinstance(jobs, list) or not all(isinstance(one, dict) and one.get("name") for one in jobs):
        raise click.BadParameter("the file must hold a job with a name, or a list of them", param_hint="--file")
    return jobs


def _reason(problem: dict[str, Any] | None) -> str | None:
    if problem is None:
        return None
    field_name = problem.get("field")
    return f"{field_name}: {problem['detail']}" if field_name else str(problem["detail"])
