"""`leeward completion`: what a shell needs to complete this command line."""

import click

from services.client.command import Command
from services.client.errors import RefusedError

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_LEEWARD_COMPLETE"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, and names of collections, jobs, hosts, events and contexts.

    In ~/.bashrc: eval "$(leeward completion bash)". In ~/.zshrc: eval "$(leeward completion zsh)". For fish:
    leeward completion fish > ~/.config/fish/completions/leeward.fish.

    \b
    leeward completion bash
    leeward completion fish > leeward.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise RefusedError(f"nothing is known of the shell {shell}")
    complete = kind(context.find_root().command, {}, "leeward", _VARIABLE)
    # The class's own `source` starts bash only to ask for its version; that is not needed to print a text.
    click.echo(ShellComplete.source(complete))
