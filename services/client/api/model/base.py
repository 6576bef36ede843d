"""What all replies have in common."""

from enum import StrEnum
from typing import Self

import msgspec

UNKNOWN = "unknown"
"""What a word reads as that this client does not know: a newer scheduler's."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One document: camelCase on the wire, what is absent is None or empty."""


class Word(StrEnum):
    """One of a few words."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Read a word that is none of ours as UNKNOWN, where there is one."""
        return cls.__members__.get("UNKNOWN")


class Plan(Word):
    """The plan of a collection."""

    FREE = "Free"
    STANDARD = "Standard"
    P10_PREMIUM = "P10Premium"
    P20_PREMIUM = "P20Premium"
    UNLIMITED = "Unlimited"
    UNKNOWN = UNKNOWN


class Frequency(Word):
    """The unit of an interval."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    UNKNOWN = UNKNOWN


class Problem(Reply, frozen=True, kw_only=True):
    """Why something was refused (`application/problem+json`); `field` is the JSON path of what has to change."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    request_id: str | None = None
