"""How each kind of input spells a value of the document, and reads what was typed."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from services.scheduler.api.schemas.jobs import DayName
from services.scheduler.portal.jobs.form.inputs import NOTHING, SECRETS, Input, Texts, Widget
from shared.durations import format_iso, parse_duration

DAYS = tuple(day.value for day in DayName)
_SEPARATORS = {Widget.HEADERS: ":", Widget.PAIRS: "="}
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d{1,12})\s*(w|d|h|m|s)")
_COMPACT = re.compile(rf"(?:{_PART.pattern}\s*)+")
_NUMBER = re.compile(r"-?\d{1,12}")
_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")
_LONGEST_RANGE = 60
_NTH = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "last": -1,
    "second last": -2,
    "third last": -3,
    "fourth last": -4,
    "fifth last": -5,
    "every": None,
}
_NTH_WORDS = {number: word for word, number in _NTH.items()}
_ON = "on"
_AUTO = "auto"
_DATE = re.compile(r"\d{4}-")


def shown(one: Input, value: object) -> Texts | None:
    """Return what an input shows of a value, None standing for none; None when it cannot show it."""
    if one.widget in SECRETS:
        return NOTHING
    if value is None:
        return (one.default,) if one.widget is not Widget.DAYS else ()
    match one.widget:
        case Widget.DAYS:
            return _days_shown(value)
        case Widget.SWITCH:
            return (_ON if value else "",) if isinstance(value, bool) else None
        case _:
            text = _text(one, value)
            return None if text is None else (text,)


def meant(one: Input, texts: Texts) -> object:
    """Return the value that was typed; None for none. Raises ValueError, which says what to write."""
    text = texts[0] if texts else ""
    match one.widget:
        case Widget.DAYS:
            return [day for day in DAYS if day in texts] or None
        case Widget.SWITCH:
            return bool(text)
        case Widget.TEXT:
            return text if text or one.blank else None
        case Widget.SECRET | Widget.FILE | Widget.CHOICE:
            return text or None
    return _read(one.widget, text.strip()) if text.strip() else None


def normal(one: Input, texts: Texts) -> Texts:
    """Return what a browser sent as `shown` spells it: it ends lines with CR LF, and leaves out what is not ticked."""
    if one.widget is Widget.DAYS:
        return tuple(day for day in DAYS if day in texts)
    return (texts[0].replace("\r\n", "\n").replace("\r", "\n"),) if texts else NOTHING


def _text(one: Input, value: object) -> str | None:
    match one.widget:
        case Widget.NUMBER:
            return str(value) if _is_number(value) else None
        case Widget.NUMBERS:
            return _numbers_shown(value)
        case Widget.MONTHLY:
            return _monthly_shown(value)
        case Widget.HEADERS | Widget.PAIRS:
            return _pairs_shown(value, _SEPARATORS[one.widget])
    if not isinstance(value, str):
        return None
    match one.widget:
        case Widget.TEXT:
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case Widget.CHOICE:
            return next((option.value for option in one.options if option.value.lower() == value.lower()), None)
        case Widget.LENGTH:
            return length_shown(value)
        case _:
            return None if "\n" in value or "\r" in value else value


def _read(widget: Widget, text: str) -> object:
    match widget:
        case Widget.NUMBER:
            return _number(text)
        case Widget.LENGTH:
            return _length(text)
        case Widget.NUMBERS:
            return list(_numbers(text))
        case Widget.MONTHLY:
            return [_monthly(part.strip()) for part in text.lower().split(",") if part.strip()]
        case Widget.HEADERS | Widget.PAIRS:
            return _pairs(text, _SEPARATORS[widget])
        case _:
            return text


def length_shown(text: str) -> str:
    """Return an ISO 8601 length in short, such as `1h30m`; as it is where that would lose something."""
    with suppress(ValueError):
        length = parse_duration(text)
        if length >= timedelta(0) and not length.microseconds and format_iso(length) == text:
            seconds, words = length.days * 86_400 + length.seconds, ""
            for unit in ("d", "h", "m", "s"):
                amount, seconds = divmod(seconds, _SECONDS[unit])
                words += f"{amount}{unit}" if amount else ""
            return words or "0s"
    return text


def _length(text: str) -> str:
    """Return `5m` or `1h30m` in ISO 8601, what may stand in place of a length in some fields as it was typed."""
    compact = text.lower()
    if compact == _AUTO or _DATE.match(text):
        return text
    if not _COMPACT.fullmatch(compact):
        parse_duration(text)
        return text
    try:
        return format_iso(timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(compact))))
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _numbers_shown(value: object) -> str | None:
    numbers = value if isinstance(value, list) else [value]
    return ", ".join(map(str, numbers)) if all(map(_is_number, numbers)) else None


def _numbers(text: str) -> Iterator[int]:
    for part in filter(None, re.split(r"[,\s]+", text)):
        if found := _RANGE.fullmatch(part):
            first, last = int(found[1]), int(found[2])
            if not first <= last < first + _LONGEST_RANGE:
                raise ValueError(f"{part!r} is no range: write the smaller number first, such as 8-17")
            yield from range(first, last + 1)
        elif _NUMBER.fullmatch(part):
            yield int(part)
        else:
            raise ValueError(f"{part!r} is no whole number: write some with commas between, or a range such as 8-17")


def _days_shown(value: object) -> Texts | None:
    if not isinstance(value, list) or not all(isinstance(day, str) and day.lower() in DAYS for day in value):
        return None
    given = {day.lower() for day in value}
    return tuple(day for day in DAYS if day in given)


def _monthly_shown(value: object) -> str | None:
    if not isinstance(value, list):
        return None
    words = [_nth_shown(one) for one in value]
    return None if None in words else ", ".join(word for word in words if word)


def _nth_shown(value: object) -> str | None:
    if not isinstance(value, dict) or value.keys() - {"day", "Occurrence", "occurrence"}:
        return None
    day, number = value.get("day"), value.get("Occurrence", value.get("occurrence"))
    if not isinstance(day, str) or day.lower() not in DAYS:
        return None
    if not (number is None or _is_number(number)) or number not in _NTH_WORDS:
        return None
    return f"{_NTH_WORDS[number]} {day.capitalize()}"


def _monthly(text: str) -> dict[str, object]:
    nth, _, day = text.rpartition(" ")
    number = " ".join(nth.split()) or "every"
    if day not in DAYS or number not in _NTH:
        raise ValueError(f"{text!r}: write such as first Monday, second last Friday or every Sunday")
    found = _NTH[number]
    return {"day": day} if found is None else {"day": day, "Occurrence": found}


def _pairs_shown(value: object, separator: str) -> str | None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        return None
    blank = " " if separator == ":" else ""
    text = "\n".join(f"{name}{separator}{blank}{content}" for name, content in value.items())
    try:
        return text if _pairs(text, separator) == value else None
    except ValueError:
        return None


def _pairs(text: str, separator: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, middle, value = line.partition(separator)
        if not line.strip():
            continue
        if not middle or not name.strip():
            raise ValueError(f"{line.strip()!r}: write one NAME{separator}VALUE a line")
        if name.strip() in found:
            raise ValueError(f"{name.strip()!r} is there twice")
        found[name.strip()] = value.strip()
    return found
