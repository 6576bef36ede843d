"""A scheduler that cannot start says why, and no password of its settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.canaries import Canaries
from tests.parts.ports import free_port

pytestmark = pytest.mark.system

FAULTS = {
    "database away": {"LEEWARD_DATABASE_URL": "postgresql://leeward:{canary}@127.0.0.1:{port}/leeward"},
    "database by query": {"LEEWARD_DATABASE_URL": "postgresql://127.0.0.1:{port}/leeward?user=a&password={canary}"},
    "database port": {"LEEWARD_DATABASE_URL": "postgresql://leeward:{canary}@127.0.0.1:none/leeward"},
    "database address": {"LEEWARD_DATABASE_URL": "postgresql://leeward:{canary}@[::1/leeward"},
    "database password with signs": {"LEEWARD_DATABASE_URL": "postgresql://leeward:{canary}/x#@127.0.0.1/leeward"},
    "database kind": {"LEEWARD_DATABASE_URL": "mysql://leeward:{canary}@127.0.0.1/leeward"},
    "broker port": {"LEEWARD_MQTT_URL": "mqtt://leeward:{canary}@127.0.0.1:none"},
    "broker kind": {"LEEWARD_MQTT_URL": "http://leeward:{canary}@127.0.0.1"},
    "broker address": {"LEEWARD_MQTT_URL": "mqtt://leeward:{canary}@[::1"},
    "actions' broker": {"LEEWARD_ACTIONS_MQTT_URL": "mqtt://leeward:{canary}@127.0.0.1:none"},
    "endpoint": {"LEEWARD_STORAGE_QUEUE_ENDPOINT": "https://me:{canary}@127.0.0.1/{{account}}"},
    "keys file": {"LEEWARD_SECRET_KEYS_FILE": "{folder}/file"},
    "tokens file": {"LEEWARD_TOKENS_FILE": "{folder}/file"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_scheduler_that_cannot_start_says_why_and_no_password(tmp_path: Path, fault: str) -> None:
    canaries = Canaries()
    words = {"canary": canaries.plant(fault), "port": str(free_port()), "folder": str(tmp_path)}
    (tmp_path / "file").write_text(f"ops operator {words['canary']}\n")
    (tmp_path / "file").chmod(0o600)
    settings = {
        "LEEWARD_DATABASE_URL": f"sqlite:///{tmp_path}/leeward.db",
        "LEEWARD_LISTEN": "127.0.0.1:0",
        "LEEWARD_OPS_LISTEN": "127.0.0.1:0",
        "LEEWARD_LOG_LEVEL": "DEBUG",
        **{name: text.format(**words) for name, text in FAULTS[fault].items()},
    }
    command = [sys.executable, "-m", "services.scheduler"]
    done = subprocess.run(command, env={**settings, "PYTHONPATH": "."}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert canaries.heard_in(done.stdout + done.stderr) == []
