"""The flags that say what an event does, for jobs and for collections, and the document they make."""

from typing import Any

import click
import msgspec

from services.client.action_options import given
from services.client.flags import choice, dashed, flag, one_of
from services.client.rhythm import iso_length

_SECTION = "When its host is threatened"
_CHOICES = {
    "strategy": ("Reroute", "Hold", "Ignore"),
    "inFlight": ("Wait", "Cancel"),
    "atDeadline": ("Leave", "Cancel", "Move"),
    "lastStanding": ("HoldAll", "RunOnLeastUrgent"),
    "onRelease": ("RunOnce", "RunAll", "Skip"),
}
_LEAD = "leadTime"
_RULE = "WHICH[.FIELD]=VALUE"
MAINTENANCE_OPTIONS = (
    flag(
        _SECTION,
        "--strategy",
        type=choice(*_CHOICES["strategy"]),
        help="What to do then [Reroute with a pool, or Hold].",
    ),
    flag(
        _SECTION,
        "--lead-time",
        metavar="LENGTH",
        help="Leave the host this long before an event [at first sight]; auto: as late as the job's duration allows.",
    ),
    flag(_SECTION, "--in-flight", type=choice(*_CHOICES["inFlight"]), help="What runs when an event comes."),
    flag(
        _SECTION,
        "--at-deadline",
        type=choice(*_CHOICES["atDeadline"]),
        help="What still runs when it is about to begin.",
    ),
    flag(
        _SECTION,
        "--last-standing",
        type=choice(*_CHOICES["lastStanding"]),
        help="When all hosts of a pool are threatened.",
    ),
    flag(_SECTION, "--on-release", type=choice(*_CHOICES["onRelease"]), help="What to run of what was held."),
    flag(
        _SECTION,
        "--by-type",
        multiple=True,
        metavar=_RULE,
        help="Another answer for events of a type: Freeze=Ignore, Reboot.lead-time=10m; may be repeated.",
    ),
    flag(
        _SECTION,
        "--by-source",
        multiple=True,
        metavar=_RULE,
        help="… of a source: User.in-flight=Cancel, Platform=Hold; may be repeated.",
    ),
    flag(
        _SECTION,
        "--by-duration",
        multiple=True,
        metavar=_RULE,
        help="… that last no longer than that: 10s=Ignore; may be repeated.",
    ),
)


class MaintenanceFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given of what an event does."""

    strategy: str | None = None
    lead_time: str | None = None
    in_flight: str | None = None
    at_deadline: str | None = None
    last_standing: str | None = None
    on_release: str | None = None
    by_type: tuple[str, ...] = ()
    by_source: tuple[str, ...] = ()
    by_duration: tuple[str, ...] = ()


def maintenance_document(flags: MaintenanceFlags) -> dict[str, Any]:
    """Return the part of `maintenance` that the flags speak of; raises BadParameter."""
    lasting = _rules(flags.by_duration, "--by-duration")
    return given(
        strategy=flags.strategy,
        leadTime=iso_length(flags.lead_time),
        inFlight=flags.in_flight,
        atDeadline=flags.at_deadline,
        lastStanding=flags.last_standing,
        onRelease=flags.on_release,
        byType=_rules(flags.by_type, "--by-type"),
        bySource=_rules(flags.by_source, "--by-source"),
        byDuration=[{"upTo": iso_length(length), **rule} for length, rule in lasting.items()] or None,
    )


def _rules(texts: tuple[str, ...], option: str) -> dict[str, dict[str, Any]]:
    """Return what is to be done for each that is named; without a field it is the strategy."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        left, middle, value = text.partition("=")
        which, dot, field = left.strip().rpartition(".")
        which, field = (which, field) if dot else (left.strip(), "strategy")
        if not middle or not which:
            raise click.BadParameter(f"{text!r}: write Freeze=Ignore or Freeze.lead-time=10m", param_hint=option)
        name = _field(field, option)
        found.setdefault(which, {})[name] = _value(name, value.strip(), option)
    return found


def _field(text: str, option: str) -> str:
    """Return a field by the name of its flag, or by its own."""
    known = {spelled.lower(): name for name in (*_CHOICES, _LEAD) for spelled in (name, dashed(name))}
    return known[one_of(text, sorted(known), option)]


def _value(field: str, text: str, option: str) -> str | None:
    return iso_length(text) if field == _LEAD else one_of(text, _CHOICES[field], option)
