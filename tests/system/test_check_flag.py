"""`--check` of each program: all faults at once, nothing started, nothing made."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.certificates import Authority

ROOT = Path(__file__).parents[2]


def check(
    module: str, *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
    return subprocess.run(
        [sys.executable, "-m", module, "--check", *arguments],
        env={**inherited, **(settings or {}), "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("module", ["services.scheduler", "services.vmwatch", "services.vmwatch.emulator"])
def test_settings_in_order_are_told_as_such_and_nothing_is_made(module: str, tmp_path: Path) -> None:
    done = check(module, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "can be" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_all_files_of_a_scheduler_are_looked_at(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("no key\n")
    tokens = tmp_path / "tokens"
    tokens.write_text("alice reader\nbob reader sha256:x\n")
    settings = {
        "LEEWARD_TOKENS_FILE": str(tokens),
        "LEEWARD_SECRET_KEYS_FILE": str(keys),
        "LEEWARD_SECRETS_DIR": "/nowhere",
        "LEEWARD_SECRETS_ENV": "demo/ABSENT",
        "LEEWARD_MAINTENANCE": '{"strategy": "Run"}',
        "LEEWARD_OTLP_ENDPOINT": "collector:4318",
        "LEEWARD_MQTT_PASSWORD_FILE": "/nowhere",
        "LEEWARD_DATABASE_URL": "postgresql://a:b/c@e/f",
    }
    done = check("services.scheduler", folder=tmp_path, settings=settings)
    assert done.returncode == 2
    for said in (
        "the password for 127.0.0.1 is in a file",
        "LEEWARD_MAINTENANCE: strategy",
        "line 1: write NAME ROLE",
        "line 2: the hash",
        f"keys file {keys}",
        "otlp_endpoint=collector:4318",
        "LEEWARD_DATABASE_URL",
        "LEEWARD_SECRETS_DIR=/nowhere",
        "LEEWARD_SECRETS_ENV=demo/ABSENT",
    ):
        assert said in done.stderr


def test_a_key_that_is_not_its_certificates_is_found(tmp_path: Path) -> None:
    authority = Authority()
    certificate, _ = authority.certify("one").files(tmp_path, "one")
    _, key = authority.certify("two").files(tmp_path, "two")
    tls = {"LEEWARD_LISTEN_CERT": str(certificate), "LEEWARD_LISTEN_KEY": str(key)}
    done = check("services.scheduler", folder=tmp_path, settings=tls)
    assert done.returncode == 2
    assert "do not belong together" in done.stderr


@pytest.mark.parametrize("module", ["services.scheduler", "services.vmwatch"])
def test_an_expired_certificate_is_told_and_keeps_nothing_from_starting(module: str, tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.certify("db-0", expires=datetime.now(UTC) - timedelta(days=1)).files(tmp_path, "db-0")
    settings = {
        "LEEWARD_MQTT_URL": "mqtts://localhost",
        "LEEWARD_MQTT_CERT": str(certificate),
        "LEEWARD_MQTT_KEY": str(key),
    }
    done = check(module, folder=tmp_path, settings=settings)
    assert done.returncode == 0
    assert f"LEEWARD_MQTT_CERT={certificate} is good from" in done.stderr


def test_faults_of_a_schedulers_values_come_all_together(tmp_path: Path) -> None:
    wrong = ("--runners", "0", "--lease-seconds=1", "--listen", "x", "--log-level", "loud", "--hold-hours=-1")
    done = check("services.scheduler", *wrong, folder=tmp_path)
    assert done.returncode == 2
    assert [line.split("=")[0].strip() for line in done.stderr.splitlines()[1:]] == [
        "listen",
        "hold_hours",
        "lease_seconds",
        "runners",
        "log_level",
    ]


def test_files_of_the_emulator_are_looked_at(tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.yaml"
    timeline.write_text("steps: [")
    done = check("services.vmwatch.emulator", "--timeline", str(timeline), folder=tmp_path)
    assert done.returncode == 2
    assert "timeline.yaml" in done.stderr
