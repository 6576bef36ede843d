"""Files that settings name, as the doctor sees them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.operations.doctor.files import examine_files
from services.operations.doctor.findings import Finding, Notes, Part, Result
from shared.checking import NamedFile
from tests.parts.certificates import Authority
from tests.parts.doctoring import failed, results, troubles

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    """Make files as most machines do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def examined(
    *certificates: NamedFile, others: tuple[NamedFile, ...] = (), faults: tuple[str, ...] = ()
) -> list[Finding]:
    notes = Notes(Part.FILES)
    examine_files(faults, certificates, others, NOW, notes)
    return notes.findings


def certificate(folder: Path, expires: datetime) -> NamedFile:
    file, _ = Authority().certify("db-0", expires=expires).files(folder, "db-0")
    return NamedFile(variable="LEEWARD_MQTT_CERT", path=file)


@pytest.mark.parametrize(
    ("left", "result"),
    [
        (timedelta(days=-1), Result.FAILED),
        (timedelta(hours=20), Result.WARNING),
        (timedelta(days=20), Result.OK),
        (timedelta(days=300), Result.OK),
    ],
)
def test_a_certificate_is_judged_by_what_is_left_of_it(tmp_path: Path, left: timedelta, result: Result) -> None:
    assert results(examined(certificate(tmp_path, NOW + left)))["expiry"] is result


def test_a_secret_for_everybodys_eyes_is_a_warning(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    named = NamedFile(variable="LEEWARD_MQTT_KEY", path=key, is_secret=True)
    assert "LEEWARD_MQTT_KEY" in troubles(examined(others=(named,)))[0]
    key.chmod(0o640)
    assert troubles(examined(others=(named,))) == []


def test_what_the_program_itself_says_fails() -> None:
    assert failed(examined(faults=("LEEWARD_TOKENS_FILE=x cannot be used",))).check == "use"


def test_settings_without_files_are_in_order() -> None:
    found = examined(NamedFile(variable="LEEWARD_MQTT_CERT", path=None))
    assert [each.result for each in found] == [Result.OK]
