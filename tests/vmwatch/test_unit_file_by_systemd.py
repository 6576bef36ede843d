"""What systemd itself says about the watcher's unit; without systemd-analyze this fails and says so."""

import re
import subprocess
from pathlib import Path

import pytest

from services import vmwatch

UNIT = Path(vmwatch.__file__).with_name("leeward-vmwatch.service")
EXPOSURE = 2.0
"""Of 10, by `systemd-analyze security`; what is below 2 it calls OK."""


def analyzed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the unit, with a program that is there on every machine."""
    unit = folder / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8")))
    command = ("systemd-analyze", *arguments, str(unit))
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.fail("systemd-analyze is missing: run .ci/servers, or apt-get install systemd")


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    found = analyzed(tmp_path, "verify", "--man=no")
    assert (found.returncode, found.stderr.strip()) == (0, "")


def test_systemd_calls_it_confined(tmp_path: Path) -> None:
    said = analyzed(tmp_path, "security", "--offline=true", "--no-pager").stdout
    exposure = re.search(r"exposure level .*: ([\d.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) < EXPOSURE
