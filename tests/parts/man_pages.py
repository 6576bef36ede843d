"""docs/man, made from the commands and the services' settings; `make docs` writes the pages anew."""

from collections.abc import Mapping
from typing import Final

import click
import msgspec

from services.client.__main__ import SECTIONS, leeward
from services.client.command import SharedOption, own_options
from services.client.errors import MEANINGS
from services.client.pages import Page, page_of
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.emulator.commands import imds
from services.vmwatch.settings import Settings as WatcherSettings
from shared.checking import CHECK_FLAG
from tests.parts import roff
from tests.parts.pages import DOCS

FOLDER: Final = DOCS / "man"
_VARIABLES: Final[Mapping[str, str]] = {
    "LEEWARD_URL, LEEWARD_TOKEN_FILE, LEEWARD_CA, LEEWARD_OUTPUT": "As the options of these names.",
    "LEEWARD_TOKEN": "The token itself, where LEEWARD_TOKEN_FILE names none.",
    "LEEWARD_CONTEXT": "The context to use.",
    "LEEWARD_CONFIG": "The configuration file.",
    "NO_COLOR": "No colours, whatever it is set to.",
}
_EVERYWHERE: Final = "--context, --url, --token-file, --ca and --output: see leeward(1)."
_PRECEDENCE: Final = (
    "Flags come before variables, variables before the context, the context before the default; --context counts as "
    "the flags that it stands for. A context's token and authority go to its own address only."
)


def rendered() -> dict[str, str]:
    """Return every page by its file's name."""
    context = click.Context(leeward, info_name="leeward")
    pages = {"leeward.1": _outermost(context)}
    for name in leeward.list_commands(context):
        command = leeward.get_command(context, name)
        if command is not None:
            pages[f"leeward-{name}.1"] = _page(f"leeward {name}", command, leeward.entries[name].summary, context)
    pages["leeward-imds.1"] = _page(
        "leeward-imds", imds, "Azure's metadata service, emulated, recorded, replayed.", None
    )
    pages["leeward-scheduler.1"] = _service("leeward-scheduler", "Runs jobs out of the weather.", SchedulerSettings)
    pages["leeward-vmwatch.1"] = _service("leeward-vmwatch", "Watches a VM's Scheduled Events.", WatcherSettings)
    return pages


def write() -> None:
    """Write every page anew, and take away those that are no more."""
    pages = rendered()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.1"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text)


def _outermost(context: click.Context) -> str:
    options = [record for one in leeward.get_params(context) if (record := one.get_help_record(context)) is not None]
    commands = [line for title, entries in SECTIONS.items() for line in (f".SS {title}", *_entries(entries))]
    codes = roff.terms((str(code.value), f"{meaning.capitalize()}.") for code, meaning in MEANINGS.items())
    page = page_of(leeward.help or "", (), "")
    files = roff.terms([("~/.config/leeward/config.yaml", "Contexts: leeward-context(1).")])
    return _joined(
        _title("leeward", page.text[0]),
        roff.section("synopsis", f"{roff.bold('leeward')} [options] command [arguments]"),
        roff.section("description", *roff.paragraphs(page.text)),
        roff.section("examples", *roff.examples(page.examples)),
        roff.section("options", *roff.terms(options)),
        roff.section("commands", *commands),
        roff.section("precedence", roff.text(_PRECEDENCE)),
        roff.section("environment", *roff.terms(_VARIABLES.items())),
        roff.section("files", *files),
        roff.section("exit status", *codes),
        roff.section("see also", "leeward\\-scheduler(1), leeward\\-vmwatch(1), leeward\\-imds(1)"),
    )


def _entries(entries: Mapping[str, object]) -> list[str]:
    return roff.terms((f"leeward-{name}(1)", leeward.entries[name].summary) for name in entries)


def _page(path: str, command: click.Command, summary: str, parent: click.Context | None) -> str:
    name = path.replace(" ", "-")
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    about = _about(command)
    below = [(f"{path} {one}", found) for one in _names(command, context) if (found := _below(command, context, one))]
    parts = [roff.section(words, *_command(words, found, context)) for words, found in below]
    see = [f"leeward-{'-'.join(one.split()[1:2])}(1)" for _, found in below for one in _about(found).see]
    wanted = dict.fromkeys([*(f"leeward-{one.split()[1]}(1)" for one in about.see), *see, "leeward(1)"])
    return _joined(
        _title(name, summary),
        roff.section("synopsis", *_synopsis(path, command, context)),
        roff.section("description", *roff.paragraphs(about.text)),
        roff.section("examples", *(roff.examples(about.examples) if about.examples else ())),
        *([] if below else [roff.section("options", *_options(command, context), *_shared(command))]),
        *parts,
        roff.section("options of every command", roff.text(_EVERYWHERE)) if below and name != "leeward-imds" else "",
        roff.section("exit status", *roff.paragraphs([about.exits] if about.exits else [])),
        roff.section("see also", roff.literal(", ".join(one for one in wanted if one != f"{name}(1)"))),
    )


def _command(path: str, command: click.Command, parent: click.Context) -> list[str]:
    """Return what is to be said of one of several commands on a page."""
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    about = _about(command)
    lines = [*_synopsis(path, command, context), ".PP", *roff.paragraphs(about.text), *_options(command, context)]
    if about.examples:
        lines += [".PP", "Examples:", *roff.examples(about.examples)]
    if about.exits:
        lines += [".PP", roff.text(f"Exit status: {about.exits}.")]
    for name in _names(command, context):
        if (found := _below(command, context, name)) is not None:
            lines += [f".SS {roff.literal(f'{path} {name}')}", *_command(f"{path} {name}", found, context)]
    return lines


def _about(command: click.Command) -> Page:
    return page_of(command.help or "", getattr(command, "see", ()), getattr(command, "exits", ""))


def _names(command: click.Command, context: click.Context) -> list[str]:
    return command.list_commands(context) if isinstance(command, click.Group) else []


def _below(command: click.Command, context: click.Context, name: str) -> click.Command | None:
    return command.get_command(context, name) if isinstance(command, click.Group) else None


def _synopsis(path: str, command: click.Command, context: click.Context) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return [f"{roff.bold(path)} {roff.literal(pieces)}"]


def _options(command: click.Command, context: click.Context) -> list[str]:
    records = [record for one in own_options(command, context) if (record := one.get_help_record(context)) is not None]
    return roff.terms(records)


def _shared(command: click.Command) -> list[str]:
    """Return where to read of the options that every command takes, unless it does not."""
    names = [one.opts[0] for one in command.params if isinstance(one, SharedOption)]
    return [".PP", roff.text(f"And {', '.join(names)}: see leeward(1).")] if names else []


def _service(name: str, summary: str, kind: type[msgspec.Struct]) -> str:
    notes: Mapping[str, str] = kind.describe  # type: ignore[attr-defined]
    fields = [
        (f"--{field.name.replace('_', '-')} VALUE", _setting(field, notes)) for field in msgspec.structs.fields(kind)
    ]
    about = "Each setting is an option, or an environment variable: --mqtt-url is LEEWARD_MQTT_URL. Options win."
    signals = (
        "SIGTERM and SIGINT end it in good order, a second one at once. SIGUSR1 has it log details for ten minutes."
    )
    return _joined(
        _title(name, summary),
        roff.section("synopsis", f"{roff.bold(name)} [{roff.bold(CHECK_FLAG)}] [options]"),
        roff.section("description", *roff.paragraphs([summary, about])),
        roff.section("options", *roff.terms([(CHECK_FLAG, "Only say what would keep it from starting."), *fields])),
        roff.section("signals", *roff.paragraphs([signals])),
        roff.section("exit status", roff.text("0 after a signal, 1 when it had to give up, 2 for faulty settings.")),
        roff.section("see also", "leeward(1)"),
    )


def _setting(field: msgspec.structs.FieldInfo, notes: Mapping[str, str]) -> str:
    note = notes.get(field.name, "")
    return f"{note[:1].upper()}{note[1:]}."


def _title(name: str, summary: str) -> str:
    line = f'.TH "{name.upper()}" 1 "" "Leeward" "Leeward"'
    return f"{line}\n.SH NAME\n{name} \\- {roff.text(summary.rstrip('.'))}"


def _joined(*parts: str) -> str:
    return "\n".join(filter(None, parts)) + "\n"
