"""What JSON has no type for: instants, durations, echoes; and the form common to all documents."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.scheduler.domain.actions import ActionKind
from services.scheduler.domain.policies import AUTO, LeadTime
from services.scheduler.domain.secret_fields import HeldSecret
from services.scheduler.domain.secrets import REFERENCE, SealedSecret
from shared.clock import to_milliseconds_precision
from shared.durations import format_iso, parse_duration

_DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
_AUTO = "auto"
_TIME_HINT = "write RFC 3339, such as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00"

READ_ONLY = msgspec.Meta(extra_json_schema={"readOnly": True})
"""Marks a field that replies carry and bodies may repeat without effect."""


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Common form of every document: camelCase, what is absent is left out."""


class Time:
    """A date and time as written; naive when the caller gave no offset."""

    __slots__ = ("value",)

    def __init__(self, value: datetime) -> None:
        """Keep whole milliseconds, which is what the store keeps."""
        self.value = to_milliseconds_precision(value)

    @classmethod
    def parse(cls, text: str) -> "Time":
        """Read RFC 3339 with or without an offset; raises ValueError that says what to write."""
        refusal = ValueError(f"{text!r} is not a date and time: {_TIME_HINT}")
        if not _DATE_AND_TIME.match(text):
            raise refusal
        try:
            value = datetime.fromisoformat(text)
            return cls(value if value.tzinfo is None else value.astimezone(UTC))
        except (ValueError, OverflowError) as fault:
            raise refusal from fault

    def __str__(self) -> str:
        """Return RFC 3339 with Z, milliseconds only when there are any."""
        return rfc3339(self.value)


class ActionType:
    """A type of action as it was spelled; Azure echoed it so (reference azure-scheduler §0.3)."""

    __slots__ = ("kind", "written")

    def __init__(self, kind: ActionKind, written: str = "") -> None:
        self.kind = kind
        self.written = written or kind.value

    @classmethod
    def parse(cls, text: str) -> "ActionType":
        """Read it in any case; raises ValueError that says what to write."""
        try:
            return cls(ActionKind(text), text)
        except ValueError:
            raise ValueError(f"{text!r} is none of {', '.join(ActionKind)}") from None

    @property
    def kept(self) -> str:
        """The spelling as jobs keep it: nothing where it is the contract's own, or none was given."""
        return "" if self.written == self.kind.value else self.written

    def __str__(self) -> str:
        """Return it as it was spelled."""
        return self.written


class Duration:
    """A length of time, in either dialect of the old clients."""

    __slots__ = ("value",)

    def __init__(self, value: timedelta) -> None:
        self.value = value

    def __str__(self) -> str:
        """Return ISO 8601."""
        return format_iso(self.value)


class Lead:
    """`leadTime`: a length of time, or `auto`, which is as late as the job's own duration allows."""

    __slots__ = ("value",)

    def __init__(self, value: LeadTime) -> None:
        self.value = value

    @classmethod
    def parse(cls, text: str) -> "Lead":
        """Read either, `auto` in any case; raises ValueError that says what to write."""
        if text.lower() == _AUTO:
            return cls(AUTO)
        try:
            return cls(parse_duration(text))
        except ValueError as fault:
            raise ValueError(f"{fault}, or {_AUTO}") from fault

    def __str__(self) -> str:
        """Return ISO 8601, or `auto`."""
        return format_iso(self.value) if isinstance(self.value, timedelta) else _AUTO


class Lifetime(Duration):
    """A length of time, or the date it ends at, which is how api-version 2016-01-01 wrote it (reference §1.7)."""

    __slots__ = ("until",)

    def __init__(self, value: timedelta, until: datetime | None = None) -> None:
        super().__init__(value)
        self.until = until

    @classmethod
    def parse(cls, text: str) -> "Lifetime":
        """Read either; raises ValueError that says what to write."""
        if not _DATE_AND_TIME.match(text):
            return cls(parse_duration(text))
        end = Time.parse(text).value
        return cls(timedelta(0), end if end.tzinfo else end.replace(tzinfo=UTC))


class SecretText:
    """A secret on its way in: its text, or what the job holds already and a patch leaves alone. Shows neither."""

    __slots__ = ("held", "text")

    def __init__(self, text: str = "", held: HeldSecret | None = None) -> None:
        self.text = text
        self.held = held

    def __repr__(self) -> str:
        """Return stars, as many as the text has bytes: a document's size is what counts of it."""
        return "*" * (len(self.text.encode()) + _sealed_bytes(self.held))

    __str__ = __repr__


def _sealed_bytes(held: HeldSecret | None) -> int:
    """Return about how long the text in a box is: base64 takes four characters for three bytes."""
    return len(held.secret.box) * 3 // 4 if held and isinstance(held.secret, SealedSecret) else 0


def rfc3339(instant: datetime) -> str:
    """Return `instant` (aware, or naive UTC) with Z, milliseconds only when there are any."""
    utc = instant if instant.tzinfo is None else instant.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond else "seconds"
    return f"{utc.replace(tzinfo=None).isoformat(timespec=precision)}Z"


def time_or_none(instant: datetime | None) -> Time | None:
    """Return the wire form of an instant that may be absent."""
    return None if instant is None else Time(instant)


def decode_value(kind: type, value: object) -> object:
    """Read what JSON has no type for (a msgspec `dec_hook`)."""
    if kind is SecretText and isinstance(value, SecretText | str):
        return SecretText(value) if isinstance(value, str) else value
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {_json_name(value)}")
    if kind is Time:
        return Time.parse(value)
    if kind is Lifetime:
        return Lifetime.parse(value)
    if kind is Duration:
        return Duration(parse_duration(value))
    if kind is Lead:
        return Lead.parse(value)
    if kind is ActionType:
        return ActionType.parse(value)
    raise NotImplementedError(kind)


def encoder(duration: Callable[[timedelta], str] = format_iso) -> msgspec.json.Encoder:
    """Return an encoder of documents that spells durations by `duration`."""

    def spell(value: object) -> str:
        length = value.value if isinstance(value, Duration | Lead) else None
        return duration(length) if isinstance(length, timedelta) else str(value)

    return msgspec.json.Encoder(enc_hook=spell)


def to_builtins(document: Document) -> dict[str, Any]:
    """Return a document as plain JSON values, durations in ISO 8601."""
    plain: dict[str, Any] = msgspec.json.decode(_ISO.encode(document))
    return plain


def schema_of(kind: type) -> dict[str, Any]:
    """Describe what JSON has no type for in JSON Schema (a msgspec `schema_hook`)."""
    if kind is ActionType:
        return {"type": "string", "enum": [kind.value for kind in ActionKind], "description": "in any case"}
    if kind is Time:
        return {"type": "string", "description": "RFC 3339; without an offset UTC, or wall time of `timeZone`"}
    if kind is SecretText:
        return {"type": "string", "writeOnly": True, "description": f"the text, or `{REFERENCE}file:NAME`, `…env:NAME`"}
    if kind is Lifetime:
        return {"type": "string", "description": "a duration, or the date and time it ends at", "examples": ["PT1H"]}
    if kind is Lead:
        return {"type": "string", "description": f"a duration, or `{_AUTO}`", "examples": ["PT10M", _AUTO]}
    if kind is Duration:
        return {"type": "string", "description": "ISO 8601 (PT1M30S) or [d.]hh:mm:ss", "examples": ["PT30S"]}
    raise NotImplementedError(kind)


def _json_name(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "an object"}
    return names.get(type(value), "null")


_ISO = encoder()
