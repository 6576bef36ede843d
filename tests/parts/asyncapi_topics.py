"""How `Topics` spells a topic, with its parameters in braces."""

import inspect
import re

from shared.topics import Topics


def address(topic: str) -> str:
    """Return what a builder of `Topics` makes of its own parameters."""
    build = getattr(Topics(), topic)
    names = inspect.signature(build).parameters
    # The builders change letters' case and encode braces: digits stand for the parameters until they are through.
    marks = {str(number) * 4: f"{{{camel(name)}}}" for number, name in enumerate(names, 1)}
    built: str = build(**dict(zip(names, marks, strict=True)))
    return re.sub(r"(\d)\1{3}", lambda found: marks[found[0]], built)


def camel(name: str) -> str:
    """Return a name of Python's as it is on the wire."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
