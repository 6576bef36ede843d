"""The timelines that come with Leeward, by name, and people's own, by path."""

from pathlib import Path
from typing import Final

from shared.errors import PermanentError

_FOLDER: Final = Path(__file__).with_name("scenarios")


class UnknownScenarioError(PermanentError):
    """Neither a file nor a timeline that comes with Leeward."""


def names() -> tuple[str, ...]:
    """Return the names of the timelines that come with Leeward."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def find(text: str) -> Path:
    """Return the file meant by a path or a name. Raises UnknownScenarioError with the names there are."""
    shipped = _FOLDER / f"{text}.yaml"
    for file in (Path(text), shipped):
        if file.is_file():
            return file
    raise UnknownScenarioError(f"no scenario {text}: give a YAML file, or one of {', '.join(names())}")
