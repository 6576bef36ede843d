"""`leeward` starts quickly: what is heavy is imported when it is needed, and not before."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "asyncio", "cryptography", "rich", "sqlalchemy", "ssl", "yaml")
REPORT = "import sys, atexit; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
RUN = f"{REPORT}import services.client.__main__ as program\nprogram.main()"


def imported(*words: str) -> set[str]:
    """Return the names of what a command imports."""
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout
    return set(done.stderr.split())


def test_help_and_version_import_nothing_heavy() -> None:
    for words in (("--help",), ("--version",)):
        assert imported(*words) & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["host", "event", "tokens", "context", "completion"])
def test_help_of_a_command_imports_no_more_than_it_shows(command: str) -> None:
    assert imported(command, "--help") & {"aiohttp", "cryptography", "rich", "sqlalchemy"} == set()


def test_help_of_jobs_needs_no_http_and_no_tables() -> None:
    assert imported("job", "create", "--help") & {"aiohttp", "rich", "sqlalchemy"} == set()


def test_printing_a_completion_script_imports_nothing_heavy() -> None:
    assert imported("completion", "bash") & {"aiohttp", "rich", "yaml"} == set()
