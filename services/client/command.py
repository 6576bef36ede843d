"""What all commands share: where the scheduler is, how results are printed, how help is laid out."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from services.client.api.errors import AccessError
from services.client.contexts import Config, config_path, read_config
from services.client.forms import Format
from services.client.pages import Page, page_of, write_page
from services.client.places import DEFAULT_URL, Given, Place, from_environment, resolve
from shared.addresses import is_confidential

if TYPE_CHECKING:
    import ssl

    from services.client.api.client import Client
    from services.client.api.connection import Patience

__all__ = ["DEFAULT_URL", "Command", "Group", "Target", "context_names", "pass_target", "target_options"]

T = TypeVar("T")
_FLAGS = MappingProxyType({"url": "--url", "token": "--token-file", "authority": "--ca"})


class Target:
    """The scheduler a command talks to and the form of its results; options may stand before or after its name."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """`given` collects the flags; `environment` and the configuration file say what they leave open."""
        self.given = Given()
        self.environment: Mapping[str, str] = environment or {}

    def __repr__(self) -> str:
        """Return the form for debuggers, without the token."""
        return f"Target({self.given!r})"

    @property
    def config_file(self) -> Path:
        """Where the configuration file is, or would be."""
        return config_path(self.environment)

    @cached_property
    def config(self) -> Config:
        """What the configuration file says; raises ConfigError."""
        return read_config(self.config_file)

    @cached_property
    def place(self) -> Place:
        """What counts of all that is given; raises ConfigError, BadParameter."""
        return resolve(self.given, from_environment(self.environment), self.config)

    @property
    def shape(self) -> Format:
        """How results are printed."""
        return self.place.output

    @property
    def url(self) -> str:
        """The scheduler's address; raises BadParameter."""
        from services.client.api.access import check_url

        return self._sound(lambda: check_url(self.place.url))

    @property
    def is_default(self) -> bool:
        """Whether nobody has said where the scheduler is."""
        return self.place.origin is None

    @cached_property
    def token(self) -> str:
        """The token to show, empty for none; raises BadParameter."""
        from services.client.api.access import read_token

        source = self.place.token_file
        return self._sound(lambda: read_token(source, self.environment)) if source else self.place.token

    def trust(self) -> "ssl.SSLContext | None":
        """Return what trusts the scheduler's authority, None for the machine's; raises BadParameter."""
        from services.client.api.access import read_authority

        return self._sound(lambda: read_authority(self.place.ca))

    def client(self, patience: "Patience | None" = None) -> "Client":
        """Return a client of the scheduler, not yet open; raises BadParameter."""
        from services.client.api.client import Client

        return Client(self.url, token=self.token, trust=self.trust(), patience=patience)

    def ask(self, question: "Callable[[Client], Awaitable[T]]") -> T:
        """Run one conversation with the scheduler."""
        import asyncio

        client = self.client()
        if self.token and not is_confidential(self.url):
            click.echo(f"the token goes to {self.url} unencrypted; use https", err=True)

        async def conversation() -> T:
            async with client as opened:
                return await question(opened)

        return asyncio.run(conversation())

    def call(self, method: str, address: str, body: object = None, query: Mapping[str, str | int] | None = None) -> Any:
        """Send one request and return the JSON of its reply."""
        return self.ask(lambda connection: connection.call(method, address, body, query))

    def list_all(
        self, address: str, query: Mapping[str, str | int] | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Return up to `limit` rows of a list."""
        return self.ask(lambda connection: connection.list_all(address, query, limit))

    @staticmethod
    def _sound(read: Callable[[], T]) -> T:
        """Say what is wrong with an address, a token or an authority as something wrong with its flag."""
        try:
            return read()
        except AccessError as fault:
            raise click.BadParameter(str(fault), param_hint=_FLAGS[fault.about]) from None


pass_target = click.make_pass_decorator(Target, ensure=True)


def target_options() -> list[click.Parameter]:
    """Return `--context`, `--url`, `--token-file`, `--ca` and `--output`, which every command takes."""
    file = click.Path(path_type=Path, dir_okay=False)
    return [
        _option(
            "context",
            "--context",
            metavar="NAME",
            help="Which scheduler of the configuration file [default: LEEWARD_CONTEXT, else the current one].",
            shell_complete=context_names,
        ),
        _option(
            "url",
            "--url",
            metavar="URL",
            help=f"Where the scheduler is [default: LEEWARD_URL, else the context's, else {DEFAULT_URL}].",
        ),
        _option(
            "token_file",
            "--token-file",
            metavar="FILE",
            help="File with the token to show, or env:NAME [default: LEEWARD_TOKEN_FILE, else the token in "
            "LEEWARD_TOKEN, else the context's].",
        ),
        _option(
            "ca",
            "--ca",
            metavar="FILE",
            type=file,
            help="Certificate authority of the scheduler (PEM) [default: LEEWARD_CA, else the context's, else the "
            "machine's].",
        ),
        _option(
            "output",
            "--output",
            type=click.Choice([shape.value for shape in Format]),
            help="How to print results [default: LEEWARD_OUTPUT, else the context's, else table].",
        ),
    ]


class SharedOption(click.Option):
    """An option of every command; help shows these apart, behind the command's own."""


def _option(field: str, name: str, **more: Any) -> click.Option:
    """Return an option that is noted in the target's `given`, wherever on the line it stands."""

    def note(context: click.Context, _option: click.Parameter, value: Any) -> None:
        if value is not None:
            setattr(context.ensure_object(Target).given, field, Format(value) if field == "output" else value)

    return SharedOption([name], expose_value=False, callback=note, **more)


def own_options(command: click.Command, context: click.Context) -> list[click.Option]:
    """Return the options that a command does not share with all others."""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    return [one for one in options if not isinstance(one, SharedOption)]


def section_of(option: click.Option) -> str:
    """Return under which title help shows an option."""
    return str(getattr(option, "section", "") or "Options")


def context_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return names of contexts that begin so; none when the configuration file cannot be read."""
    try:
        names = context.ensure_object(Target).config.contexts
    except click.ClickException:
        return []
    return [name for name in names if name.startswith(incomplete)]


class Command(click.Command):
    """A command that takes `--url`, `--output` and the like itself, so that they may stand last.

    `see` are other commands or pages to read, `exits` what its exit codes mean beyond the usual.
    """

    def __init__(self, *args: Any, see: tuple[str, ...] = (), exits: str = "", **more: Any) -> None:
        """Add the options that all commands share."""
        super().__init__(*args, **more)
        self.params.extend(target_options())
        self.see = see
        self.exits = exits

    @property
    def page(self) -> Page:
        """What its help says, in parts."""
        return page_of(self.help or "", self.see, self.exits)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it does."""
        write_page(self.page, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its own options, in their sections, and the names of those of every command."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for one in own_options(self, ctx):
            if (record := one.get_help_record(ctx)) is not None:
                sections.setdefault(section_of(one), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)
        names = [option.opts[0] for option in self.params if isinstance(option, SharedOption)]
        with formatter.section("As with every command"):
            formatter.write_text(f"{', '.join(names)}: leeward --help tells of them")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write exit codes beyond the usual, and where to read on."""
        for line in self.page.end:
            formatter.write_paragraph()
            formatter.write_text(line)


class Group(click.Group):
    """Commands about one noun."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of its commands, in the order of use in which they are defined."""
        return list(self.commands)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it is about."""
        write_page(page_of(self.help or "", (), ""), formatter)
