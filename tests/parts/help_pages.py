"""Every command of `leeward` with what its help says, and a world in which its examples can be done."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from services.client.__main__ import leeward
from services.client.pages import Page, commands_of, page_of
from tests.parts.fakes_api import Api, a_job, every

_KEY = "20260301-5f0c11aa"
_TEMPLATE = {
    "parameters": {"jobCollectionName": {"type": "string", "defaultValue": "nightly"}},
    "resources": [
        {
            "type": "Microsoft.Scheduler/jobCollections",
            "name": "[parameters('jobCollectionName')]",
            "apiVersion": "2016-03-01",
            "properties": {},
        }
    ],
}


class Described(msgspec.Struct, frozen=True):
    """One command."""

    path: str
    command: click.Command

    @property
    def page(self) -> Page:
        """What its help says."""
        return page_of(self.command.help or "", getattr(self.command, "see", ()), getattr(self.command, "exits", ""))

    @property
    def examples(self) -> list[str]:
        """The command lines that it shows."""
        return list(commands_of(self.page.examples))


def described(command: click.Command = leeward, path: str = "leeward") -> Iterator[Described]:
    """Yield a command and all below it."""
    yield Described(path, command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if (found := command.get_command(context, name)) is not None:
                yield from described(found, f"{path} {name}")


def parse(line: str) -> None:
    """Read a command line as the command would, and do nothing. Raises UsageError."""
    name, *words = shlex.split(line)
    command, parent = leeward, None
    found: click.Command = command
    while isinstance(found, click.Group):
        parent = found.make_context(name, words, parent=parent)
        resolved, below, words = found.resolve_command(parent, [*parent._protected_args, *parent.args])
        assert below is not None, line
        name, found = resolved or "", below
    found.make_context(name, words, parent=parent)


async def furnish(api: Api, folder: Path) -> None:
    """Put everything there that examples speak of: collections and jobs, and files in the folder."""
    for collection in ("demo", "nightly"):
        await api.call("PUT", f"/collections/{collection}", {})
    for name in ("hello", "tick", "report", "backup"):
        await api.call("PUT", f"/collections/demo/jobs/{name}", a_job(recurrence=every(5)))
    write_files(folder)


def write_files(folder: Path) -> None:
    """Write the files that examples name."""
    job = a_job(recurrence=every(5))
    documents: dict[str, object] = {
        "job.json": job,
        "job.yaml": job,
        "jobs.yaml": [{"name": "a", **job}, {"name": "b", **job}],
        "jobs.json": [{"id": "one", "action": {"type": "http", "request": {"uri": "http://x/", "method": "GET"}}}],
        "template.json": _TEMPLATE,
        "parameters.json": {"parameters": {"jobCollectionName": {"value": "nightly"}}},
        "letter.json": {},
        "order.json": {},
        "vmwatch.env": {},
        "jobs/a.yaml": {"kind": "collection", "name": "fresh"},
    }
    (folder / "jobs").mkdir()
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))
    (folder / "tokens").write_text(f"ops reader sha256:{'a' * 64}\n")
    (folder / "leeward.keys").write_text(f"{_KEY} {'A' * 43}\nnow {'B' * 42}A\n")
    for name in ("leeward.keys", "tokens"):
        (folder / name).chmod(0o600)
