"""The forms in which results are printed."""

from enum import StrEnum


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    WIDE = "wide"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_for_people(self) -> bool:
        """Whether people read it: tables, sentences, progress."""
        return self in (Format.TABLE, Format.WIDE)

    @property
    def is_document(self) -> bool:
        """Whether programs read it, and want all of it."""
        return self in (Format.JSON, Format.YAML)
