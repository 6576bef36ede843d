"""Small parts of command lines."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def with_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[F], F]:
    """Return a decorator that gives a command all of `options`, in order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def pairs(texts: Iterable[str], separator: str, option: str) -> dict[str, str]:
    """Return `NAME=VALUE` texts (or with another separator) as a mapping; raises BadParameter."""
    found: dict[str, str] = {}
    for text in texts:
        name, middle, value = text.partition(separator)
        if not middle or not name.strip():
            raise click.BadParameter(f"{text!r}: write NAME{separator}VALUE", param_hint=option)
        found[name.strip()] = value.strip()
    return found


def job_of(text: str) -> tuple[str, str]:
    """Split COLLECTION/JOB; raises BadParameter."""
    collection, slash, job = text.partition("/")
    if not (collection and slash and job) or "/" in job:
        raise click.BadParameter(f"{text!r}: write COLLECTION/JOB, such as demo/hello", param_hint="JOB")
    return collection, job
