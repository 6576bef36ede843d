"""`leeward bundle`, for the client's command line."""

import asyncio
import os
import socket
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from services.client.api.connection import Connection
from services.client.command import Command, Target, pass_target
from services.client.errors import RefusedError
from services.local.state import read_state
from services.operations.bundle.diagnosis import ask_doctor
from services.operations.bundle.gathering import ask_api, ask_ports, ask_store, read_logs
from services.operations.bundle.masking import mask
from services.operations.bundle.pages import Pages
from services.operations.bundle.pseudonyms import Pseudonyms
from services.operations.bundle.surroundings import KINDS, settings_of, versions
from services.operations.doctor.veil import veil_of
from shared.atomic_files import writing
from shared.settings import SettingsError, load

_USUAL_DATA = ".leeward"
_PORTS_OF_UP = tuple(f"127.0.0.1:{port}" for port in range(9464, 9468))
"""The scheduler's, then the watchers'; without `leeward up` there is one of each."""


_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(cls=Command)
@click.argument("file", type=_FILE)
@click.option("--data", type=_FOLDER, default=Path(_USUAL_DATA), help="Folder of `leeward up` [default: .leeward].")
@click.option("--log", "logs", type=_FILE, multiple=True, help="A log file to take along; may be repeated.")
@click.option(
    "--ops",
    "ports",
    metavar="HOST:PORT",
    multiple=True,
    help="Operations port of a service; may be repeated [default: those of the settings].",
)
@click.option(
    "--database-url",
    metavar="URL",
    envvar="LEEWARD_DATABASE_URL",
    help="The database [default: LEEWARD_DATABASE_URL, else the one of `leeward up`].",
)
@click.option("--anonymous", is_flag=True, help="Give hosts and addresses other names.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
@pass_target
def bundle(
    target: Target,
    file: Path,
    *,
    data: Path,
    logs: tuple[Path, ...],
    ports: tuple[str, ...],
    database_url: str | None,
    anonymous: bool,
    overwrite: bool,
) -> None:
    """Put together what a bug report needs into FILE, a zip of texts, without secrets.

    Run it where the service runs, with its settings. What cannot be reached is named in the bundle, and the rest is in
    it. Look through it before you send it.

    \b
    leeward bundle leeward-report.zip
    leeward bundle leeward-report.zip --anonymous --log /var/log/leeward/scheduler.log
    """
    if file.exists() and not overwrite:
        raise RefusedError(f"{file} is there: name another file, or add --overwrite")
    pseudonyms = Pseudonyms()
    veils = [veil_of(settings, target) for settings in _settings(os.environ)]
    pages = Pages([*veils, mask, *([pseudonyms.replace] if anonymous else [])])
    pseudonyms.know([socket.gethostname()])
    pseudonyms.know(asyncio.run(_gather(pages, target, data, ports, database_url)))
    read_logs(pages, [*sorted((data / "logs").glob("*.log*")), *logs])
    _write(file, pages.masked())
    click.echo(f"{file} is written: look through it before you send it (README.txt says what is in it)")
    for line in pages.lacking:
        click.echo(f"could not be had: {mask(line)}", err=True)


async def _gather(
    pages: Pages, target: Target, data: Path, ports: tuple[str, ...], database_url: str | None
) -> list[str]:
    """Fill the pages; return the names of hosts and replicas."""
    pages.add_document("versions.json", "Leeward, Python, libraries, machine", versions())
    for name, kind in KINDS.items():
        document = settings_of(kind, os.environ)
        pages.add_document(f"settings-{name}.json", f"what leeward-{name} would be set to here, masked", document)
    await ask_doctor(pages, target)
    state = read_state(data)
    await ask_ports(pages, ports or (_PORTS_OF_UP if state else _usual_ports(os.environ)))
    url = state.api if state is not None and target.is_default else target.url
    async with Connection(url, token=target.token, trust=target.trust()) as connection:
        names = await ask_api(pages, connection)
    return names + await ask_store(pages, database_url or _usual_database(data))


def _settings(environment: Mapping[str, str]) -> Iterator[msgspec.Struct | None]:
    for kind in KINDS.values():
        try:
            yield load(kind, environment)
        except SettingsError:
            yield None


def _usual_ports(environment: Mapping[str, str]) -> Sequence[str]:
    """Return where the services listen: asked also when their settings are faulty as a whole."""
    named = environment.get("LEEWARD_OPS_LISTEN")
    return (named,) if named else _PORTS_OF_UP[:2]


def _usual_database(data: Path) -> str:
    own = data / "leeward.db"
    return f"sqlite:///{own if own.is_file() else 'leeward.db'}"


def _write(file: Path, pages: Mapping[str, str]) -> None:
    try:
        with writing(file) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in pages.items():
                archive.writestr(name, text)
    except OSError as fault:
        raise RefusedError(f"{file}: {fault.strerror or fault}") from fault
