"""The flags of `leeward job create` and `update`, and the document they make."""

from pathlib import Path
from typing import Any

import click
import msgspec

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
_REQUEST = (
    click.option("--uri", help="What to call; {host} stands for the address of the host it runs on."),
    click.option("--method", help="GET, POST, PUT, DELETE, … [default: GET, POST with a body]."),
    click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header; may be repeated."),
    click.option("--body", help="Text to send; @FILE reads it from a file."),
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
    click.option("--strategy", help="When its host is threatened: Reroute, Hold or Ignore."),
    click.option("--lead-time", metavar="LENGTH", help="Leave the host this long before an event [at first sight]."),
    click.option("--in-flight", help="What runs when an event comes: Wait or Cancel."),
    click.option("--on-release", help="Of what was held, run: RunOnce, RunAll or Skip."),
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
JOB_OPTIONS = (*_REQUEST, *_TIMING, *_PLACE, *_MORE)


class JobFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given on the command line."""

    uri: str | None = None
    method: str | None = None
    headers: tuple[str, ...] = ()
    body: str | None = None
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
    strategy: str | None = None
    lead_time: str | None = None
    in_flight: str | None = None
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
        "action": _given(request=_request(flags), retryPolicy=_retry_policy(flags)),
        "startTime": flags.at,
        "recurrence": _recurrence(flags),
        "placement": _given(pool=flags.pool, host=flags.host),
        "maintenance": _given(
            strategy=flags.strategy,
            leadTime=iso_length(flags.lead_time),
            inFlight=flags.in_flight,
            onRelease=flags.on_release,
        ),
        "overlap": flags.overlap,
        "catchUp": flags.catch_up,
        "timeout": iso_length(flags.timeout),
        "flexibleWindow": iso_length(flags.flexible_window),
        "tags": pairs(flags.tags, "=", "--tag"),
        "state": "Disabled" if flags.disabled else None,
    }
    return _given(**document)


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


def _request(flags: JobFlags) -> dict[str, Any]:
    method = flags.method.upper() if flags.method else None
    if method is None and flags.body is not None and flags.uri is not None:
        method = "POST"
    return _given(uri=flags.uri, method=method, headers=pairs(flags.headers, ":", "--header"), body=_body(flags.body))


def _retry_policy(flags: JobFlags) -> dict[str, Any]:
    policy = _given(
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
    return _given(
        **(parse_every(flags.every) if flags.every else {}),
        cron=flags.cron,
        timeZone=flags.time_zone,
        count=flags.count,
        endTime=flags.end,
    )


def _body(text: str | None) -> str | None:
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise click.BadParameter(f"{text[1:]} cannot be read: {fault}", param_hint="--body") from fault


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, {})}
