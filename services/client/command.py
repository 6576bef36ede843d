"""What all commands share: where the scheduler is, how results are printed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from services.client.connection import Connection, check_url, read_authority, read_token
from services.client.output import Format
from shared.addresses import is_confidential

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8080"


class Target(msgspec.Struct):
    """The scheduler a command talks to and the form of its results; options may stand before or after its name."""

    url: str = DEFAULT_URL
    shape: Format = Format.TABLE
    token: str = ""
    token_file: Path | None = None
    authority: Path | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without the token."""
        return f"Target(url={self.url!r}, shape={self.shape})"

    def ask(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one conversation with the scheduler."""
        url, token = check_url(self.url), read_token(self.token_file) if self.token_file else self.token
        if token and not is_confidential(url):
            click.echo(f"the token goes to {url} unencrypted; use https", err=True)

        async def conversation() -> T:
            async with Connection(url, token=token, trust=read_authority(self.authority)) as connection:
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
    """Return `--url`, `--token-file`, `--ca` and `--output`, which every command takes.

    Only the outermost may look at the `environment`, or LEEWARD_URL would win over a `--url` given there.
    """
    file = click.Path(path_type=Path, dir_okay=False)
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
            ["--token-file"],
            envvar="LEEWARD_TOKEN_FILE" if environment else None,
            type=file,
            metavar="FILE",
            help="File with the token to show [default: LEEWARD_TOKEN_FILE, else the token in LEEWARD_TOKEN].",
            expose_value=False,
            callback=_set_token_file,
        ),
        click.Option(
            ["--ca"],
            envvar="LEEWARD_CA" if environment else None,
            type=file,
            metavar="FILE",
            help="Certificate authority of the scheduler (PEM) [default: LEEWARD_CA, else the machine's].",
            expose_value=False,
            callback=_set_authority,
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
    """A command that takes `--url`, `--output` and the like itself, so that they may stand last."""

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


def _set_token_file(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Target).token_file = value


def _set_authority(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Target).authority = value


def _set_shape(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Target).shape = Format(value)
