"""The configuration file: schedulers by name, each with its address, where its token is, its authority, an output.

A token itself never stands in it.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import click
import msgspec

from services.client.api.access import VARIABLE, check_url
from services.client.api.errors import AccessError
from services.client.errors import ExitCode
from services.client.forms import Format
from shared.atomic_files import read_bounded, writing

_MOST_BYTES = 1 << 20
_MODE = 0o600
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_SHARED = stat.S_IRGRP | stat.S_IROTH


class ConfigError(click.ClickException):
    """The configuration file, or what is named of it, is not right; the message says what to do."""

    exit_code: ClassVar[int] = ExitCode.USAGE


class Context(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """One scheduler; `token_file` is a file, or `env:NAME` for a variable."""

    url: str
    token_file: str | None = None
    ca: str | None = None
    output: Format | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All of the file; `current` is used where none is named."""

    current: str | None = None
    contexts: dict[str, Context] = {}

    def context(self, name: str, named_by: str) -> Context:
        """Return one; raises ConfigError that says where its name comes from and which there are."""
        if name in self.contexts:
            return self.contexts[name]
        there = ", ".join(sorted(self.contexts)) or "none yet: leeward context set NAME --url URL"
        raise ConfigError(f"{named_by}: there is no context {name!r}; there are {there}")


def config_path(environment: Mapping[str, str]) -> Path:
    """Return where the file is: LEEWARD_CONFIG, else in XDG_CONFIG_HOME, else in ~/.config."""
    if named := environment.get("LEEWARD_CONFIG"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home()) / ".config"
    return Path(home) / "leeward" / "config.yaml"


def read_config(file: Path) -> Config:
    """Return what a file says, nothing when there is none. Raises ConfigError, also for one that others may change."""
    try:
        found = file.stat()
        text = read_bounded(file, _MOST_BYTES)
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as fault:
        raise ConfigError(f"{file}: {fault.strerror if isinstance(fault, OSError) else fault}") from None
    # Whoever may change it decides where tokens go.
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & _OTHERS:
        raise ConfigError(f"{file} may be changed by others, who could have your token sent to them: chmod 600 {file}")
    return _parsed(file, text)


def write_config(file: Path, config: Config) -> None:
    """Replace the file, and make its folder where there is none; raises ConfigError."""
    import yaml

    text = yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False, allow_unicode=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with writing(file.resolve()) as out:
            out.write(text.encode())
    except OSError as fault:
        raise ConfigError(f"{file}: {fault.strerror}") from None


def checked(context: Context) -> Context:
    """Return a context as it is to be written: paths absolute, the address without its last slash.

    Raises AccessError.
    """
    url = check_url(context.url)
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise AccessError("url", "an address holds no user and no password here; give --token-file")
    token = context.token_file
    if token is not None and not token.startswith(VARIABLE):
        token = str(Path(token).expanduser().absolute())
    authority = None if context.ca is None else str(Path(context.ca).expanduser().absolute())
    return msgspec.structs.replace(context, url=url, token_file=token, ca=authority)


def is_shown_to_others(token_file: str | None) -> bool:
    """Return whether other users of the machine may read a token's file."""
    if token_file is None or token_file.startswith(VARIABLE):
        return False
    try:
        return bool(Path(token_file).stat().st_mode & _SHARED)
    except OSError:
        return False


def _parsed(file: Path, text: str) -> Config:
    import yaml

    try:
        plain: Any = yaml.safe_load(text)
        return msgspec.convert({} if plain is None else plain, Config)
    except yaml.YAMLError as fault:
        where = getattr(fault, "problem_mark", None)
        place = "" if where is None else f", line {where.line + 1}"
        raise ConfigError(f"{file}{place}: is no YAML") from None
    except msgspec.ValidationError as fault:
        raise ConfigError(f"{file}: {fault}") from None
