"""Many jobs from one file."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from services.client.command import Target
from services.client.documents import overlay, read_document
from services.client.errors import RefusedError
from services.client.job_options import JobFlags, flags_document
from services.client.output import Column, field, show_rows
from services.client.progress import bar

if TYPE_CHECKING:
    from services.client.api.client import Client

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
    answers = target.ask(lambda client: _create(client, collection, jobs))
    show_rows(answers, _ANSWERS, target.shape)
    refused = sum("error" in answer for answer in answers)
    if refused:
        raise RefusedError(f"{refused} of {len(answers)} jobs were refused")


async def _create(client: "Client", collection: str, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with bar("writing", len(jobs), unit="jobs", when=len(jobs) > 1) as advance:
        async for answers in client.jobs.put_many(collection, jobs):
            found += msgspec.to_builtins(answers)
            advance(len(answers))
    return found


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
