"""The flags that say what an event does, for jobs and for collections, and the document they make."""

from typing import Any

import click

from services.client.action_options import given
from services.client.rhythm import iso_length

MAINTENANCE_OPTIONS = (
    click.option("--strategy", help="When its host is threatened: Reroute, Hold or Ignore."),
    click.option(
        "--lead-time",
        metavar="LENGTH",
        help="Leave the host this long before an event [at first sight]; auto: as late as the job's duration allows.",
    ),
    click.option("--in-flight", help="What runs when an event comes: Wait or Cancel."),
    click.option("--at-deadline", help="What still runs when it is about to begin: Leave, Cancel or Move."),
    click.option("--last-standing", help="When all hosts of a pool are threatened: HoldAll or RunOnLeastUrgent."),
    click.option("--on-release", help="Of what was held, run: RunOnce, RunAll or Skip."),
)


def maintenance_document(
    *,
    strategy: str | None,
    lead_time: str | None,
    in_flight: str | None,
    at_deadline: str | None,
    last_standing: str | None,
    on_release: str | None,
) -> dict[str, Any]:
    """Return the part of `maintenance` that the flags speak of."""
    return given(
        strategy=strategy,
        leadTime=iso_length(lead_time),
        inFlight=in_flight,
        atDeadline=at_deadline,
        lastStanding=last_standing,
        onRelease=on_release,
    )
