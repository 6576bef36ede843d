"""Choices as callers write them."""

from enum import StrEnum


class CaseInsensitive(StrEnum):
    """A choice that callers may write in any case, as Azure's API allowed (reference, azure-scheduler §0.3)."""

    @classmethod
    def _missing_(cls, value: object) -> "CaseInsensitive | None":
        if isinstance(value, str):
            return next((member for member in cls if member.value.lower() == value.lower()), None)
        return None
