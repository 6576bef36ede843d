"""The command line that the form shows is one that the client takes, and makes the same job."""

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings

from services.client.job_options import JOB_OPTIONS, flags_new, job_flags
from services.client.options import with_options
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.portal.jobs.form.command_line import FILE, command_line, needs_file
from services.scheduler.portal.jobs.form.paths import drop, look
from services.scheduler.portal.jobs.form.secrets import STAND_IN, with_stand_ins
from tests.parts.every_action import ACTIONS, SECRETS
from tests.parts.fakes_api import a_job, every
from tests.parts.job_documents import job_documents

_USUAL = {"overlap": "Skip", "catchUp": "RunOnce", "catchUpWindow": "PT1H", "timeout": "PT1M", "state": "enabled"}


@click.command()
@click.argument("name")
@with_options(JOB_OPTIONS)
def create(name: str, **given: Any) -> dict[str, Any]:
    """Return the document that the flags of the real command make."""
    return flags_new(job_flags(given))


def by_client(command: str) -> dict[str, Any]:
    """Return the document that the client would send for a command line."""
    program, job, verb, *arguments = shlex.split(command.replace(" \\\n  ", " "))
    assert (program, job, verb) == ("leeward", "job", "create")
    found: dict[str, Any] = create.main(arguments, standalone_mode=False)
    return found


def same(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as its reader understands it, without what says nothing."""
    plain = to_builtins(read(document, JobDocument))
    for call in ("action", "action.errorAction"):
        if look(plain, f"{call}.request") is not None:
            drop(plain, f"{call}.type")
            look(plain, f"{call}.request").setdefault("method", "GET")
        for bus in ("serviceBusQueueMessage", "serviceBusTopicMessage"):
            drop(plain, f"{call}.{bus}.authentication.type")
    if look(plain, "recurrence.frequency"):
        plain["recurrence"].setdefault("interval", 1)
    for one in look(plain, "recurrence.schedule.monthlyOccurrences") or ():
        one["occurrence"] = one.pop("Occurrence", one.get("occurrence"))
    return {name: value for name, value in plain.items() if value != _USUAL.get(name)}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each file of a secret where the command is typed."""
    monkeypatch.chdir(tmp_path)
    names = ("password", "pfx-password", "client-secret", "webhook-secret", "sas", "key")
    for name in (*(f"{one}.txt" for one in names), "client.pfx"):
        (tmp_path / name).write_text(STAND_IN)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("kind", ACTIONS)
def test_every_action_has_its_flags(kind: str) -> None:
    document = with_stand_ins(a_job(action=ACTIONS[kind], recurrence=every(90)))
    command = command_line("ops", "nightly", document)
    assert not needs_file(command)
    assert not any(secret in command for secret in SECRETS)
    assert same(by_client(command)) == same(document)


@given(job_documents())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_flags_say_is_the_same_job_and_a_file_says_the_rest(document: dict[str, Any]) -> None:
    command = command_line("ops", "nightly", document)
    if needs_file(command):
        assert command == f"leeward job create ops/nightly --file {FILE}"
    else:
        assert same(by_client(command)) == same(document)


@pytest.mark.parametrize(
    "change",
    [
        {"maintenance": {"byType": {"Odd.Kind": {"strategy": "Ignore"}}}},
        {"maintenance": {"cancel": {"type": "Mqtt", "mqttMessage": {"topic": "stop", "payload": ""}}}},
        {"recurrence": {"frequency": "Month", "schedule": {"monthlyOccurrences": [{"day": "Monday"}]}}},
        {"action": {"request": {"uri": "https://api.test", "body": "@letter.json"}}},
        {"tags": {"a=b": "c"}},
    ],
)
def test_what_no_flag_says_takes_a_file(change: dict[str, Any]) -> None:
    assert needs_file(command_line("ops", "nightly", a_job(**change)))
