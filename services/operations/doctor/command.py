"""`leeward doctor` for the client's command line."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click

from services.client.command import Command, Target, pass_target
from services.client.output import show_document
from services.operations.doctor import as_scheduler, as_vmwatch
from services.operations.doctor.api import ApiPlace, examine_api
from services.operations.doctor.checkup import Check, chosen, not_checked, run
from services.operations.doctor.findings import Finding, Part, Result
from services.operations.doctor.opinion import examine_settings, read_settings
from services.operations.doctor.patient import Given, Role, given_by_file, given_by_process, guess_role
from services.operations.doctor.report import document, show, worst
from services.operations.doctor.veil import veil_of
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as VmwatchSettings
from shared.clock import SystemClock
from shared.health import reachable
from shared.settings import parse_listen

_SECONDS = 20.0


def _parts(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[Part, ...]:
    try:
        return tuple(Part(word.strip()) for word in (text or "").split(",") if word.strip())
    except ValueError as fault:
        raise click.BadParameter(f"{fault}; write some of {','.join(Part)}") from None


@click.command(cls=Command, context_settings={"ignore_unknown_options": False})
@click.option(
    "--as",
    "role",
    type=click.Choice([role.value for role in Role]),
    help="Whose settings to look at.  [default: guessed]",
)
@click.option("--only", callback=_parts, metavar="PART,…", help=f"Parts to look at, of {', '.join(Part)}.")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of variables that the service gets, as systemd's EnvironmentFile.",
)
@click.option("--pid", type=click.IntRange(min=1), help="Look at the settings and folder of a running service.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=_SECONDS, show_default=True, help="Time for each part."
)
@click.argument("flags", nargs=-1, metavar="[-- FLAG…]")
@pass_target
def doctor(
    target: Target,
    role: str | None,
    only: tuple[Part, ...],
    env_file: Path | None,
    pid: int | None,
    seconds: float,
    flags: tuple[str, ...],
) -> None:
    """Find out why Leeward does not work on this machine, or in this pod, and what to do about it.

    Reads the settings that leeward-scheduler or leeward-vmwatch would have here; flags of theirs follow after --. It
    changes nothing, and disturbs nobody at work. Exit code 1 when something failed; warnings are no failure.

    \b
      leeward doctor
      leeward doctor --as vmwatch --env-file /etc/leeward/vmwatch.env
      leeward doctor --pid 1 --output json
      leeward doctor --only broker,database -- --mqtt-url mqtts://mqtt.example.net
    """
    given, found = _given(env_file, pid, flags)
    chosen_role = Role(role) if role else found or guess_role(given.environment)
    with _folder(pid):
        findings = asyncio.run(examine(target, chosen_role, given, only, seconds))
    if not target.shape.is_document:
        click.echo(f"leeward-{chosen_role}, with the settings of {given.origin}")
        show(findings)
    else:
        show_document(document(chosen_role, given.origin, findings), target.shape)
    if worst(findings) is Result.FAILED:
        raise click.exceptions.Exit(1)


async def examine(target: Target, role: Role, given: Given, only: tuple[Part, ...], seconds: float) -> list[Finding]:
    """Return all that is found about a service; `only` some parts, or all when there are none."""
    settings, faults = read_settings(role, given)
    checks = [Check(part=Part.SETTINGS, examine=lambda notes: examine_settings(given, faults, notes))]
    clock = SystemClock()
    match settings:
        case SchedulerSettings():
            checks += as_scheduler.checks(settings, given.environment, clock, seconds)
        case VmwatchSettings():
            checks += as_vmwatch.checks(settings, given.environment, clock, seconds)
        case None:
            rest = [part for part in Part if part not in (Part.SETTINGS, Part.API)]
            checks += [not_checked(part, "the settings cannot be read") for part in rest]
    checks.append(_api(target, settings, seconds))
    return await run(chosen(checks, only), seconds=seconds, veil=veil_of(settings, target))


def _api(target: Target, settings: SchedulerSettings | VmwatchSettings | None, seconds: float) -> Check:
    """Look at the API with what the client would show; without an address of its own, a scheduler's is its own."""
    url = target.url
    if target.is_default and isinstance(settings, SchedulerSettings):
        if settings.listen_cert is not None:
            return not_checked(Part.API, "LEEWARD_URL is not set, and a certificate is for a name", "set LEEWARD_URL")
        url = f"http://{reachable(parse_listen(settings.listen))}"
    elif target.is_default and settings is not None:
        return not_checked(Part.API, "LEEWARD_URL is not set, and a watcher does not need it")
    place = ApiPlace(url=url, token=target.token, trust=target.trust())
    return Check(part=Part.API, examine=lambda notes: examine_api(place, SystemClock(), seconds * 0.9, notes))


def _given(env_file: Path | None, pid: int | None, flags: tuple[str, ...]) -> tuple[Given, Role | None]:
    if env_file is not None and pid is not None:
        raise click.UsageError("give either --env-file or --pid")
    try:
        if pid is not None:
            return given_by_process(pid)
        if env_file is not None:
            return given_by_file(env_file, os.environ, flags), None
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise click.UsageError(f"{f'process {pid}' if pid else env_file}: {why}") from None
    return Given(environment=dict(os.environ), flags=flags), None


@contextlib.contextmanager
def _folder(pid: int | None) -> Iterator[None]:
    """Work where a process works: its settings may name files from there."""
    if pid is None:
        yield
        return
    with contextlib.chdir(f"/proc/{pid}/cwd"):
        yield
