"""The flags of `leeward job create` and `update`, and the document they make."""

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from services.client.action_flags import (
    ACTION_OPTIONS,
    ATTEMPT_OPTIONS,
    CANCEL,
    CANCEL_OPTIONS,
    ERROR,
    ERROR_OPTIONS,
    ActionFlags,
)
from services.client.action_options import action_document, given
from services.client.flags import choice, flag
from services.client.maintenance_options import MAINTENANCE_OPTIONS, MaintenanceFlags, maintenance_document
from services.client.options import pairs
from services.client.rhythm import iso_length
from services.client.schedule_options import TIMING_OPTIONS, TimingFlags, recurrence_document, with_rhythm

_WHERE, _TURNS, _MORE = "Where it runs", "When runs meet, or were missed", "More"
_PLACE = (
    flag(_WHERE, "--pool", help="Run on any host of this pool."),
    flag(_WHERE, "--host", help="Run on this host (with --pool: by preference)."),
    flag(_WHERE, "--choice", type=choice("Spread", "Sticky", "Random"), help="Which of a pool's free hosts [Spread]."),
)
_OVERLAP = (
    flag(_TURNS, "--overlap", type=choice("Skip", "Allow", "QueueOne"), help="When the one before still runs [Skip]."),
    flag(_TURNS, "--catch-up", type=choice("RunOnce", "RunAll", "Skip"), help="After a downtime [RunOnce]."),
    flag(_TURNS, "--catch-up-window", metavar="LENGTH", help="… of what was due this long ago at most [1h]."),
    flag(
        _TURNS,
        "--flexible-window",
        metavar="LENGTH",
        help="Spread starts: each within this time after it is due [at once].",
    ),
)
_TIMEOUT = (
    flag("When it fails", "--timeout", metavar="LENGTH", help="How long a call may take: 60s by default, up to 30m."),
)
_OTHERS = (
    flag(_MORE, "--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag; may be repeated."),
    flag(_MORE, "--state", type=choice("Enabled", "Disabled"), help="Whether it runs [Enabled]."),
    flag(_MORE, "--disabled", is_flag=True, help="Do not run it yet: --state Disabled."),
    flag(
        _MORE,
        "--file",
        "source",
        metavar="FILE",
        help="A JSON or YAML document, flags put over it; - is standard input.",
    ),
    flag(
        _MORE,
        "--dry-run",
        is_flag=True,
        help="Print the document and when it would be due; change nothing.",
    ),
)
JOB_OPTIONS = (
    *(*ACTION_OPTIONS, *TIMING_OPTIONS, *_PLACE, *MAINTENANCE_OPTIONS, *CANCEL_OPTIONS, *_TIMEOUT, *ATTEMPT_OPTIONS),
    *(*ERROR_OPTIONS, *_OVERLAP, *_OTHERS),
)


class JobFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given on the command line."""

    action: ActionFlags = ActionFlags()
    error: ActionFlags = ActionFlags(prefix=ERROR)
    cancel: ActionFlags = ActionFlags(prefix=CANCEL)
    timing: TimingFlags = TimingFlags()
    maintenance: MaintenanceFlags = MaintenanceFlags()
    timeout: str | None = None
    pool: str | None = None
    host: str | None = None
    choice: str | None = None
    overlap: str | None = None
    catch_up: str | None = None
    catch_up_window: str | None = None
    flexible_window: str | None = None
    tags: tuple[str, ...] = ()
    state: str | None = None
    disabled: bool = False
    source: str | None = None
    dry_run: bool = False


def job_flags(values: Mapping[str, Any]) -> JobFlags:
    """Return what a command got as its flags, sorted by what they are about."""
    return JobFlags(
        action=ActionFlags(**_of(ActionFlags, values)),
        error=ActionFlags(prefix=ERROR, **_of(ActionFlags, values, ERROR)),
        cancel=ActionFlags(prefix=CANCEL, **_of(ActionFlags, values, CANCEL)),
        timing=TimingFlags(**_of(TimingFlags, values)),
        maintenance=MaintenanceFlags(**_of(MaintenanceFlags, values)),
        **_of(JobFlags, values),
    )


def flags_document(flags: JobFlags) -> dict[str, Any]:
    """Return the part of a job document that the flags speak of; raises BadParameter, UsageError."""
    cancel = given(cancel=action_document(flags.cancel))
    document = {
        "action": given(**action_document(flags.action), errorAction=action_document(flags.error)),
        "startTime": flags.timing.at,
        "recurrence": recurrence_document(flags.timing),
        "placement": given(pool=flags.pool, host=flags.host, choice=flags.choice),
        "maintenance": {**maintenance_document(flags.maintenance), **cancel},
        "overlap": flags.overlap,
        "catchUp": flags.catch_up,
        "catchUpWindow": iso_length(flags.catch_up_window),
        "timeout": iso_length(flags.timeout),
        "flexibleWindow": iso_length(flags.flexible_window),
        "tags": pairs(flags.tags, "=", "--tag"),
        "state": _state(flags),
    }
    return given(**document)


def flags_new(flags: JobFlags) -> dict[str, Any]:
    """Return what the flags say of a new job: a schedule alone implies how often. Raises as `flags_document` does."""
    document = flags_document(flags)
    if flags.source is None and "recurrence" in document:
        document["recurrence"] = with_rhythm(document["recurrence"])
    return document


def flags_patch(flags: JobFlags) -> dict[str, Any]:
    """Return what the flags change: a new rhythm or kind of retry takes the place of the old one, whichever that is."""
    document = flags_document(flags)
    action = document.get("action", {})
    for policy in (action.get("retryPolicy", {}), action.get("errorAction", {}).get("retryPolicy", {})):
        if policy.get("retryType", "exponential").lower() != "exponential":
            policy.setdefault("maxInterval", None)
    if flags.timing.every:
        document["recurrence"] |= {"cron": None}
    if flags.timing.cron:
        document["recurrence"] |= {"frequency": None, "interval": None, "schedule": None}
    return document


def _state(flags: JobFlags) -> str | None:
    if flags.disabled and flags.state == "Enabled":
        raise click.UsageError("--disabled does not go with --state Enabled; give one of them")
    return "Disabled" if flags.disabled else flags.state


def _of(kind: type[msgspec.Struct], values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values that are fields of a struct, those of flags that begin with `prefix`."""
    start = prefix.replace("-", "_")
    names = ((field, f"{start}{field}") for field in kind.__struct_fields__)
    return {field: values[name] for field, name in names if name in values}
