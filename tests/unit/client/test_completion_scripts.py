"""What `leeward completion` prints is what each shell reads (tests/system/test_command_line.py presses Tab)."""

import shutil
import subprocess

import pytest
from click.testing import CliRunner

from services.client.__main__ import leeward


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_finds_no_fault_with_its_script(shell: str) -> None:
    printed = CliRunner().invoke(leeward, ["completion", shell])
    assert (printed.exit_code, "_LEEWARD_COMPLETE" in printed.stdout) == (0, True)
    if shutil.which(shell) is not None:
        read = subprocess.run([shell, "-n"], input=printed.stdout, capture_output=True, text=True, timeout=60)
        assert (read.returncode, read.stderr) == (0, "")


def test_a_shell_that_is_not_known_is_told() -> None:
    assert CliRunner().invoke(leeward, ["completion", "tcsh"]).exit_code == 2
