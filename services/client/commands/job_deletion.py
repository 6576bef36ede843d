"""Deleting jobs, one or many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from services.client.command import Target
from services.client.errors import NotFoundError, RefusedError
from services.client.options import job_of
from services.client.output import say
from services.client.progress import bar

if TYPE_CHECKING:
    from services.client.api.client import Client


def delete_many(target: Target, names: Sequence[str]) -> None:
    """Delete jobs by COLLECTION/JOB; what goes wrong with one is said and does not keep the others.

    Raises NotFoundError when one did not exist, RefusedError when one was refused.
    """
    jobs = [job_of(name) for name in names]
    faults = target.ask(lambda client: _delete(client, jobs))
    for name in names:
        if name not in faults:
            say(f"job {name} deleted", {"deleted": name}, target.shape)
    if len(names) == 1 and faults:
        raise faults[names[0]]
    for name, fault in faults.items():
        click.echo(f"{name}: {fault}", err=True)
    if faults:
        kind = NotFoundError if all(isinstance(one, NotFoundError) for one in faults.values()) else RefusedError
        raise kind(f"{len(faults)} of {len(names)} jobs were not deleted")


async def _delete(client: "Client", jobs: Sequence[tuple[str, str]]) -> dict[str, RefusedError]:
    """Delete jobs; return by name what went wrong."""
    faults: dict[str, RefusedError] = {}
    with bar("deleting", len(jobs), unit="jobs", when=len(jobs) > 1) as advance:
        for collection, name in jobs:
            try:
                await client.jobs.delete(collection, name)
            except RefusedError as fault:
                faults[f"{collection}/{name}"] = fault
            advance(1)
    return faults
