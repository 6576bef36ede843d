"""`leeward context`: schedulers by name. Works on the configuration file; no scheduler is asked."""

import click
import msgspec

from services.client.command import Group, Target, context_names, pass_target
from services.client.contexts import Config, Context, checked, is_shown_to_others, write_config
from services.client.errors import NotFoundError
from services.client.forms import Format
from services.client.output import Column, Row, field, say, show_document, show_rows

_COLUMNS = (
    field("NAME", "name", whole=True),
    Column("CURRENT", lambda row: "*" if row["current"] else "-"),
    field("URL", "url", whole=True),
    field("TOKEN", "tokenFile"),
    field("CA", "ca"),
    field("OUTPUT", "output"),
)
_NAME = click.argument("name", shell_complete=context_names)


@click.group(cls=Group)
def context() -> None:
    """Contexts: schedulers by name, in a configuration file.

    The file is ~/.config/leeward/config.yaml (XDG_CONFIG_HOME and LEEWARD_CONFIG move it). Flags come before variables,
    variables before the context, the context before the default; --context counts as the flags that it stands for. A
    context's token and authority go to its own address only.
    """


@context.command("list", see=("leeward context show",))
@pass_target
def list_(target: Target) -> None:
    """List the contexts.

    \b
    leeward context list
    leeward context list --output name
    """
    config = target.config
    show_rows([_row(config, name) for name in sorted(config.contexts)], _COLUMNS, target.shape)


@context.command(see=("leeward context use",))
@click.argument("name", required=False, shell_complete=context_names)
@pass_target
def show(target: Target, name: str | None) -> None:
    """Show a context, by default the current one.

    \b
    leeward context show
    leeward context show prod --output json
    """
    config = target.config
    chosen = name or target.given.context or target.environment.get("LEEWARD_CONTEXT") or config.current
    if chosen is None:
        raise NotFoundError("no context is in use; leeward context use NAME")
    _known(config, chosen)
    show_document(_row(config, chosen), target.shape)


@context.command(see=("leeward context list",))
@_NAME
@pass_target
def use(target: Target, name: str) -> None:
    """Talk to this scheduler from now on, where nothing else is said.

    \b
    leeward context use prod
    """
    _known(target.config, name)
    write_config(target.config_file, msgspec.structs.replace(target.config, current=name))
    say(f"context {name} is in use", {"name": name}, target.shape)


@context.command("set", see=("leeward context use", "leeward tokens add"))
@_NAME
@click.option("--use", "and_use", is_flag=True, help="Use it from now on; the first one is used anyway.")
@pass_target
def set_(target: Target, name: str, *, and_use: bool) -> None:
    """Create a context, or change what --url, --token-file, --ca and --output say of it.

    The token stays where it is: in a file, or in a variable as env:NAME.

    \b
    leeward context set prod --url https://scheduler:8443 --token-file ~/.leeward-token --ca ca.pem
    leeward context set test --url http://127.0.0.1:8080 --token-file env:TEST_TOKEN --use
    """
    config = target.config
    changed = checked(_changed(target, name))
    if is_shown_to_others(changed.token_file):
        click.echo(f"warning: others can read the token: chmod 600 {changed.token_file}", err=True)
    current = name if and_use or config.current is None else config.current
    written = Config(current=current, contexts={**config.contexts, name: changed})
    write_config(target.config_file, written)
    # What --output says here is written, and not how to answer.
    row = _row(written, name)
    say(f"context {name} is {row['url']}{', in use' if row['current'] else ''}", row, Format.TABLE)


@context.command()
@_NAME
@pass_target
def remove(target: Target, name: str) -> None:
    """Remove a context; the files that it names stay.

    \b
    leeward context remove test
    """
    config = target.config
    _known(config, name)
    left = {other: one for other, one in config.contexts.items() if other != name}
    current = None if config.current == name else config.current
    write_config(target.config_file, Config(current=current, contexts=left))
    say(f"context {name} removed", {"removed": name}, target.shape)
    if config.current == name and left:
        click.echo("no context is in use now; leeward context use NAME", err=True)


def _changed(target: Target, name: str) -> Context:
    given = target.given
    changes = {
        "url": given.url,
        "token_file": given.token_file,
        "ca": None if given.ca is None else str(given.ca),
        "output": given.output,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    before = target.config.contexts.get(name)
    if before is None and given.url is None:
        raise click.UsageError(f"{name!r} is new: say where its scheduler is, with --url")
    return Context(**changes) if before is None else msgspec.structs.replace(before, **changes)  # type: ignore[arg-type]


def _known(config: Config, name: str) -> None:
    if name not in config.contexts:
        there = ", ".join(sorted(config.contexts)) or "none"
        raise NotFoundError(f"there is no context {name!r}; there are: {there}")


def _row(config: Config, name: str) -> Row:
    return {"name": name, "current": name == config.current, **msgspec.to_builtins(config.contexts[name])}
