"""Flags that help shows in sections, and the spellings that several of them share."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

Decorator = Callable[[Any], Any]
Options = tuple[Decorator, ...]
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Flag(click.Option):
    """An option that belongs to a section of the help."""

    def __init__(self, *args: Any, section: str = "", **more: Any) -> None:
        """Take what click's takes, and the section's title."""
        super().__init__(*args, **more)
        self.section = section


def flag(section: str, *names: str, **settings: Any) -> Decorator:
    """Return a decorator that gives a command this flag."""
    if isinstance(kind := settings.get("type"), click.Choice):
        # click would show what it compares, all in lower case.
        settings.setdefault("metavar", f"[{'|'.join(kind.choices)}]")
    return click.option(*names, cls=Flag, section=section, **settings)


def choice(*values: str) -> click.Choice[str]:
    """Return the type of a flag that takes one of these, in any case, and gives it as it is spelled here."""
    return click.Choice(values, case_sensitive=False)


def one_of(text: str, values: Sequence[str], option: str) -> str:
    """Return the value that is meant, as it is spelled in `values`; raises BadParameter."""
    known = {value.lower(): value for value in values}
    if text.lower() not in known:
        raise click.BadParameter(f"{text!r} is none of {', '.join(values)}", param_hint=option)
    return known[text.lower()]


def dashed(name: str) -> str:
    """Return a document's field as flags spell it: `leadTime` as `lead-time`."""
    return _WORD.sub("-", name).lower()
