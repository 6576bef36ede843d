"""Choices as callers write them."""

from enum import StrEnum
from functools import cache


class CaseInsensitive(StrEnum):
    """A choice that callers may write in any case, as Azure's API allowed (reference, azure-scheduler §0.3)."""

    @classmethod
    def _missing_(cls, value: object) -> "CaseInsensitive | None":
        return _by_lower_case(cls).get(value.lower()) if isinstance(value, str) else None


@cache
def _by_lower_case(kind: type[CaseInsensitive]) -> dict[str, CaseInsensitive]:
    return {member.value.lower(): member for member in kind}
