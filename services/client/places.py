"""Where the scheduler is and what is shown there, put together from flags, variables, contexts and defaults."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec

from services.client.contexts import Config, Context
from services.client.forms import Format

DEFAULT_URL = "http://127.0.0.1:8080"
_OUTPUT = "LEEWARD_OUTPUT"


class Given(msgspec.Struct, kw_only=True):
    """What one source says; `token_file` is a file, or `env:NAME`. A token itself comes from a variable only."""

    url: str | None = None
    token_file: str | None = None
    token: str | None = None
    ca: Path | None = None
    output: Format | None = None
    context: str | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without the token."""
        return f"Given(url={self.url!r}, context={self.context!r})"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a command goes by; `origin` is where its address comes from, None for the default."""

    url: str = DEFAULT_URL
    origin: str | None = None
    token_file: str | None = None
    token: str = ""
    ca: Path | None = None
    output: Format = Format.TABLE

    def __repr__(self) -> str:
        """Return the form for debuggers, without the token."""
        return f"Place(url={self.url!r}, origin={self.origin!r})"


class _Source(msgspec.Struct, frozen=True):
    given: Given
    name: str
    is_context: bool = False


def from_environment(environment: Mapping[str, str]) -> Given:
    """Return what variables say; empty ones say nothing. Raises BadParameter."""
    authority = environment.get("LEEWARD_CA")
    return Given(
        url=environment.get("LEEWARD_URL") or None,
        token_file=environment.get("LEEWARD_TOKEN_FILE") or None,
        token=environment.get("LEEWARD_TOKEN") or None,
        ca=Path(authority) if authority else None,
        output=_format(environment.get(_OUTPUT)),
        context=environment.get("LEEWARD_CONTEXT") or None,
    )


def resolve(flags: Given, variables: Given, config: Config) -> Place:
    """Return what counts: flags before variables before the current context before the default.

    A context that a flag names counts as that flag. A context's token and authority go to its own address only, so that
    neither `--url` nor LEEWARD_URL sends them elsewhere. Raises ConfigError.
    """
    sources = tuple(_sources(flags, variables, config))
    at = next((source for source in sources if source.given.url is not None), None)
    fitting = [source.given for source in sources if not source.is_context or source is at]
    shown = next((one for one in fitting if one.token_file or one.token), Given())
    return Place(
        url=DEFAULT_URL if at is None or at.given.url is None else at.given.url,
        origin=None if at is None else at.name,
        token_file=shown.token_file,
        token="" if shown.token_file else shown.token or "",
        ca=next((one.ca for one in fitting if one.ca is not None), None),
        output=next((source.given.output for source in sources if source.given.output is not None), Format.TABLE),
    )


def _sources(flags: Given, variables: Given, config: Config) -> Iterator[_Source]:
    yield _Source(flags, "--url")
    if flags.context is not None:
        yield _of(config.context(flags.context, "--context"), flags.context)
    yield _Source(variables, "LEEWARD_URL")
    if flags.context is not None:
        return
    if variables.context is not None:
        yield _of(config.context(variables.context, "LEEWARD_CONTEXT"), variables.context)
    elif config.current is not None:
        yield _of(config.context(config.current, "leeward context use"), config.current)


def _of(context: Context, name: str) -> _Source:
    authority = None if context.ca is None else Path(context.ca)
    given = Given(url=context.url, token_file=context.token_file, ca=authority, output=context.output)
    return _Source(given, f"context {name}", is_context=True)


def _format(text: str | None) -> Format | None:
    try:
        return Format(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is none of {', '.join(Format)}", param_hint=_OUTPUT) from None
