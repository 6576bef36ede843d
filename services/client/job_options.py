"""The flags of `leeward job create` and `update`, and the document they make."""

from typing import Any

import click

from services.client.action_options import ACTION_OPTIONS, ActionFlags, action_document, given
from services.client.maintenance_options import MAINTENANCE_OPTIONS, maintenance_document
from services.client.options import pairs
from services.client.rhythm import iso_length, parse_every

_TIMING = (
    click.option("--every", metavar="LENGTH", help="Repeat: 30s, 5m, 1h30m, 1d, 2w, 1mo or PT5M."),
    click.option("--cron", metavar="EXPRESSION", help='Repeat by a five-field cron expression, such as "0 5 * * 1".'),
    click.option("--at", metavar="TIME", help="First (or only) time: 2026-01-31T09:30:00, with Z or in --time-zone."),
    click.option("--time-zone", metavar="ZONE", help="IANA zone of a recurrence, such as Europe/Berlin."),
    click.option("--count", type=int, help="Stop after so many occurrences."),
    click.option("--end", metavar="TIME", help="Stop after this time."),
)
_ATTEMPTS = (
    click.option("--timeout", metavar="LENGTH", help="How long a call may take: 60s by default, up to 30m."),
    click.option("--retry-count", type=int, help="Repeat a failed call so often (4 by default)."),
    click.option("--retry-interval", metavar="LENGTH", help="Wait so long between repeats: 30s by default."),
    click.option(
        "--retry-type", help="Repeats come Fixed apart (by default) or Exponential: ever longer, with jitter."
    ),
    click.option("--max-interval", metavar="LENGTH", help="Exponential repeats come at most so far apart: 1h."),
    click.option("--no-retry", is_flag=True, help="Do not repeat a failed call."),
)
_PLACE = (
    click.option("--pool", help="Run on any host of this pool."),
    click.option("--host", help="Run on this host (with --pool: by preference)."),
    click.option("--choice", help="Which of a pool's free hosts: Spread (by default), Sticky or Random."),
)
_MORE = (
    click.option("--overlap", help="When the one before still runs: Skip, Allow or QueueOne."),
    click.option("--catch-up", help="After a downtime: RunOnce, RunAll or Skip."),
    click.option(
        "--flexible-window", metavar="LENGTH", help="Spread starts: each within this time after it is due [at once]."
    ),
    click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag; may be repeated."),
    click.option("--disabled", is_flag=True, help="Do not run it yet."),
    click.option("--file", "source", metavar="FILE", help="A JSON or YAML document; - is standard input."),
)
JOB_OPTIONS = (*ACTION_OPTIONS, *_ATTEMPTS, *_TIMING, *_PLACE, *MAINTENANCE_OPTIONS, *_MORE)


class JobFlags(ActionFlags, frozen=True, kw_only=True):
    """What was given on the command line."""

    timeout: str | None = None
    retry_count: int | None = None
    retry_interval: str | None = None
    retry_type: str | None = None
    max_interval: str | None = None
    no_retry: bool = False
    every: str | None = None
    cron: str | None = None
    at: str | None = None
    time_zone: str | None = None
    count: int | None = None
    end: str | None = None
    pool: str | None = None
    host: str | None = None
    choice: str | None = None
    strategy: str | None = None
    lead_time: str | None = None
    in_flight: str | None = None
    at_deadline: str | None = None
    last_standing: str | None = None
    on_release: str | None = None
    overlap: str | None = None
    catch_up: str | None = None
    flexible_window: str | None = None
    tags: tuple[str, ...] = ()
    disabled: bool = False
    source: str | None = None


def flags_document(flags: JobFlags) -> dict[str, Any]:
    """Return the part of a job document that the flags speak of; raises BadParameter, UsageError."""
    document = {
        "action": given(**action_document(flags), retryPolicy=_retry_policy(flags)),
        "startTime": flags.at,
        "recurrence": _recurrence(flags),
        "placement": given(pool=flags.pool, host=flags.host, choice=flags.choice),
        "maintenance": maintenance_document(
            strategy=flags.strategy,
            lead_time=flags.lead_time,
            in_flight=flags.in_flight,
            at_deadline=flags.at_deadline,
            last_standing=flags.last_standing,
            on_release=flags.on_release,
        ),
        "overlap": flags.overlap,
        "catchUp": flags.catch_up,
        "timeout": iso_length(flags.timeout),
        "flexibleWindow": iso_length(flags.flexible_window),
        "tags": pairs(flags.tags, "=", "--tag"),
        "state": "Disabled" if flags.disabled else None,
    }
    return given(**document)


def flags_patch(flags: JobFlags) -> dict[str, Any]:
    """Return what the flags change: a new rhythm or kind of retry takes the place of the old one, whichever that is."""
    document = flags_document(flags)
    policy = document.get("action", {}).get("retryPolicy", {})
    if policy.get("retryType", "exponential").lower() != "exponential":
        policy.setdefault("maxInterval", None)
    if flags.every:
        document["recurrence"] |= {"cron": None}
    if flags.cron:
        document["recurrence"] |= {"frequency": None, "interval": None, "schedule": None}
    return document


def _retry_policy(flags: JobFlags) -> dict[str, Any]:
    policy = given(
        retryType=flags.retry_type,
        retryCount=flags.retry_count,
        retryInterval=iso_length(flags.retry_interval),
        maxInterval=iso_length(flags.max_interval),
    )
    if not flags.no_retry:
        return policy
    if policy:
        raise click.UsageError("--no-retry does not go with other options for retries")
    return {"retryType": "None"}


def _recurrence(flags: JobFlags) -> dict[str, Any]:
    if flags.every and flags.cron:
        raise click.UsageError("--every does not go with --cron; give one of them")
    return given(
        **(parse_every(flags.every) if flags.every else {}),
        cron=flags.cron,
        timeZone=flags.time_zone,
        count=flags.count,
        endTime=flags.end,
    )
