"""The command that creates the same job: `leeward job create` with its flags, or with a file for what none can say."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from shlex import quote
from typing import Any

from services.scheduler.domain.secret_fields import CANCEL, ERROR, MAIN
from services.scheduler.portal.jobs.form.call_flags import Flag, call_flags, flag, pair_flags, taken
from services.scheduler.portal.jobs.form.paths import Json, drop, look

FILE = "job.json"
"""Where the document is expected that no flags can say."""
_BREAK = " \\\n  "
_RULE = {
    "strategy": "strategy",
    "leadTime": "lead-time",
    "inFlight": "in-flight",
    "atDeadline": "at-deadline",
    "lastStanding": "last-standing",
    "onRelease": "on-release",
}
_TEXTS = {
    "startTime": "--at",
    "recurrence.cron": "--cron",
    "recurrence.timeZone": "--time-zone",
    "recurrence.count": "--count",
    "recurrence.endTime": "--end",
    "placement.pool": "--pool",
    "placement.host": "--host",
    "placement.choice": "--choice",
    **{f"maintenance.{field}": f"--{option}" for field, option in _RULE.items()},
    "timeout": "--timeout",
    "overlap": "--overlap",
    "catchUp": "--catch-up",
    "catchUpWindow": "--catch-up-window",
    "flexibleWindow": "--flexible-window",
}
_LISTS = {"weekDays": "--weekdays", "monthDays": "--monthdays", "hours": "--hours", "minutes": "--minutes"}
_UNITS = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w", "month": "mo"}
_AS_EVER = {"overlap": "skip", "catchUp": "runonce", "catchUpWindow": "pt1h", "timeout": "pt1m", "state": "enabled"}
"""What a document may say or leave out, all the same."""
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_PLAIN = re.compile(r"[^\s.=]+")


def command_line(collection: str, name: str, document: Mapping[str, Any]) -> str:
    """Return the command for a document, each of its secrets a file to be read."""
    start = f"leeward job create {quote(f'{collection}/{name}')}"
    left = deepcopy(dict(document))
    flags = list(_flags(left))
    # What no flag has taken, or a flag would read otherwise, is for the file to say.
    return f"{start} --file {FILE}" if left or None in flags else _BREAK.join((start, *filter(None, flags)))


def needs_file(command: str) -> bool:
    """Whether a command reads the document."""
    return command.endswith(f" --file {FILE}")


def _flags(left: Json) -> Iterator[Flag]:
    """Take from a document what flags say, and yield them."""
    _forget_the_usual(left)
    yield from call_flags(left, CANCEL, "cancel-")
    yield from _rules(left)
    error = list(call_flags(left, ERROR, "error-"))
    yield from call_flags(left, MAIN, "")
    yield from _every(left)
    for path, option in _TEXTS.items():
        if (value := taken(left, path)) is not None:
            yield flag(option, str(value))
    yield from error
    yield from pair_flags(left, "tags", "--tag", "=")
    if str(look(left, "state")).lower() == "disabled":
        drop(left, "state")
        yield "--disabled"


def _forget_the_usual(left: Json) -> None:
    for path, usual in _AS_EVER.items():
        if str(look(left, path)).lower() == usual:
            drop(left, path)
    if look(left, "tags") == {}:
        drop(left, "tags")


def _every(left: Json) -> Iterator[Flag]:
    unit = str(look(left, "recurrence.frequency")).lower()
    if unit not in _UNITS:
        return
    amount = look(left, "recurrence.interval") or 1
    drop(left, "recurrence.frequency")
    drop(left, "recurrence.interval")
    yield f"--every {amount}{_UNITS[unit]}"
    for field, option in _LISTS.items():
        values = look(left, f"recurrence.schedule.{field}")
        if values is not None and values != []:
            drop(left, f"recurrence.schedule.{field}")
            yield flag(option, ",".join(map(str, values if isinstance(values, list) else [values])))
    yield from map(_monthly, _listed(left, "recurrence.schedule.monthlyOccurrences"))


def _monthly(one: Mapping[str, Any]) -> Flag:
    number = one.get("Occurrence", one.get("occurrence"))
    if not isinstance(number, int):
        return None
    return flag("--monthly", f"{_NTH.get(number, number)} {one.get('day')}")


def _rules(left: Json) -> Iterator[Flag]:
    """Yield what is done under events of some type, source or duration."""
    for field, option in (("byType", "--by-type"), ("bySource", "--by-source")):
        if isinstance(rules := look(left, f"maintenance.{field}"), dict):
            drop(left, f"maintenance.{field}")
            for name, rule in rules.items():
                yield from _answers(option, name, rule)
    for rule in _listed(left, "maintenance.byDuration"):
        answers = {name: value for name, value in rule.items() if name != "upTo"}
        yield from _answers("--by-duration", str(rule.get("upTo")), answers)


def _listed(left: Json, path: str) -> list[Json]:
    """Take a list of objects from a document; what is none stays, for the file to say."""
    found = look(left, path)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return []
    drop(left, path)
    return found


def _answers(option: str, name: str, rule: object) -> Iterator[Flag]:
    if not _PLAIN.fullmatch(name) or not isinstance(rule, dict) or not rule or not rule.keys() <= _RULE.keys():
        yield None
        return
    for field, value in rule.items():
        yield flag(option, f"{name}={value}" if field == "strategy" else f"{name}.{_RULE[field]}={value}")
