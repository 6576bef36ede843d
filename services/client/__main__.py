"""The `leeward` command."""

import sys
from io import TextIOWrapper

import click

from services.client.command import target_options
from services.client.errors import EXIT_CODES
from services.client.root import Entry, Root, Sections

_CLIENT = "services.client.commands"
_OPERATIONS = "services.operations"
SECTIONS: Sections = {
    "Jobs": {
        "job": Entry(f"{_CLIENT}.jobs", "Jobs, named COLLECTION/JOB."),
        "collection": Entry(
            f"{_CLIENT}.collections", "Job collections: quota, naming, and one switch for all their jobs."
        ),
        "apply": Entry(f"{_CLIENT}.apply", "Have collections and jobs be as files say, the differences shown first."),
        "import": Entry(f"{_CLIENT}.imports", "Take over collections and jobs from files; safe to repeat."),
        "export": Entry(f"{_CLIENT}.exports", "Write collections with their jobs to one file."),
    },
    "Hosts and events": {
        "host": Entry(f"{_CLIENT}.hosts", "Hosts: the machines that jobs run on."),
        "event": Entry(f"{_CLIENT}.events", "Events: what the provider announces about hosts."),
        "top": Entry(f"{_CLIENT}.top", "Show hosts, events and jobs, live in the terminal."),
        "watch": Entry(f"{_CLIENT}.watch", "Print what happens to hosts, events and jobs, until Ctrl-C."),
        "audit": Entry(f"{_CLIENT}.audit", "Show who changed what, the latest change first."),
    },
    "On this machine": {
        "up": Entry(
            "services.local.commands",
            "Run all of Leeward on this machine, with an emulated fleet, and tell what happens.",
        ),
        "rehearse": Entry(
            "services.local.commands",
            "Announce an event on HOST: in the emulator of `leeward up`, or else on the scheduler's real fleet.",
        ),
    },
    "The command line": {
        "context": Entry(f"{_CLIENT}.contexts", "Contexts: schedulers by name, in a configuration file."),
        "completion": Entry(f"{_CLIENT}.completion", "Print what makes a shell complete this command line."),
    },
    "Looking after it": {
        "doctor": Entry(
            f"{_OPERATIONS}.doctor.command",
            "Find out why Leeward does not work on this machine, or in this pod, and what to do about it.",
        ),
        "tokens": Entry(f"{_CLIENT}.tokens", "Tokens: who may call the API (LEEWARD_TOKENS_FILE)."),
        "keys": Entry(f"{_CLIENT}.keys", "Keys: what seals the secrets of jobs (LEEWARD_SECRET_KEYS_FILE)."),
        "backup": Entry(
            f"{_OPERATIONS}.backup.commands", "Write everything in the database to FILE, while the schedulers go on."
        ),
        "restore": Entry(f"{_OPERATIONS}.backup.commands", "Make a database anew from FILE, whole or not at all."),
        "bundle": Entry(f"{_OPERATIONS}.bundle.commands", "Put together what a bug report needs, without secrets."),
    },
}


def _show_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from shared.about import product_version

        click.echo(f"leeward, version {product_version()}")
        context.exit()


_VERSION = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)


@click.group(cls=Root, sections=SECTIONS, params=[*target_options(), _VERSION], epilog=EXIT_CODES)
def leeward() -> None:
    """Scheduled jobs that stay out of the weather.

    \b
    leeward up                                   everything on this machine
    leeward collection create demo
    leeward job create demo/hello --uri http://web-0:8080/hello --every 5m
    leeward job history demo/hello
    leeward host list --watch
    leeward watch
    """


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal without UTF-8 cannot show is spelled out: a host's name is no reason to fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    leeward(prog_name="leeward")


if __name__ == "__main__":
    main()
