"""What all commands share: where the scheduler is, how results are printed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import click
import msgspec

from services.client.connection import Connection, check_url
from services.client.output import Format

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8080"


class Target(msgspec.Struct):
    """The scheduler a command talks to and the form of its results; options may stand before or after its name."""

    url: str = DEFAULT_URL
    shape: Format = Format.TABLE

    def ask(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one conversation with the scheduler."""

        async def conversation() -> T:
            async with Connection(check_url(self.url)) as connection:
                return await question(connection)

        return asyncio.run(conversation())

    def call(self, method: str, address: str, body: object = None, query: Mapping[str, str | int] | None = None) -> Any:
        """Send one request and return the JSON of its reply."""
        return self.ask(lambda connection: connection.call(method, address, body, query))

    def list_all(
        self, address: str, query: Mapping[str, str | int] | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Return up to `limit` rows of a list."""
        return self.ask(lambda connection: connection.list_all(address, query, limit))


pass_target = click.make_pass_decorator(Target, ensure=True)


def target_options(*, environment: bool = False) -> list[click.Parameter]:
    """Return `--url` and `--output`, which every command takes.

    Only the outermost may look at the `environment`, or LEEWARD_URL would win over a `--url` given there.
    """
    return [
        click.Option(
            ["--url"],
            envvar="LEEWARD_URL" if environment else None,
            metavar="URL",
            help=f"Where the scheduler is [default: LEEWARD_URL, else {DEFAULT_URL}].",
            expose_value=False,
            callback=_set_url,
        ),
        click.Option(
            ["--output"],
            type=click.Choice([shape.value for shape in Format]),
            help="How to print results [default: table].",
            expose_value=False,
            callback=_set_shape,
        ),
    ]


class Command(click.Command):
    """A command that takes `--url` and `--output` itself, so that they may stand last."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """Add the options that all commands share."""
        super().__init__(*args, **more)
        self.params.extend(target_options())


class Group(click.Group):
    """Commands about one noun."""

    command_class = Command


def _set_url(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Target).url = value


def _set_shape(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Target).shape = Format(value)
