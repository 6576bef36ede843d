"""Parts are kept alive, stopped in order, and told about."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.local.errors import PartFailedError
from services.local.logfile import last_lines
from services.local.readiness import Probe
from services.local.supervisor import Part, Supervisor
from tests.parts.waiting import until

LIMIT = 20.0
STAY = "import sys, time; print('here', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"


async def at_once() -> str | None:
    return None


def wrote(log: Path, text: str) -> Probe:
    """Return a probe that wants `text` in the part's log."""

    async def ask() -> str | None:
        return None if text in last_lines(log) else f"{text} is not in the log"

    return ask


def part(code: str, *, name: str = "part", wave: int = 0, probe: Probe = at_once, patience: float = 5) -> Part:
    return Part(
        name=name,
        argv=(sys.executable, "-c", code),
        environment={"PYTHONUNBUFFERED": "1"},
        probe=probe,
        wave=wave,
        patience=patience,
    )


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def supervisor(tmp_path: Path, told: list[str]) -> AsyncIterator[Supervisor]:
    async with Supervisor(tmp_path, told.append) as supervisor:
        yield supervisor


async def test_a_part_that_was_killed_is_started_again_and_told_about(
    supervisor: Supervisor, tmp_path: Path, told: list[str]
) -> None:
    keeper = supervisor.start(part(STAY, probe=wrote(tmp_path / "part.log", "here")))
    await keeper.until_ready(LIMIT)
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    again = wrote(tmp_path / "part.log", "here\nhere")

    async def is_back() -> bool:
        return await again() is None

    await until(is_back)
    assert told == ["part was ended by SIGKILL; starting it again."]
    assert keeper.pid not in (None, first)


async def test_a_part_that_refuses_to_start_fails_at_once_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = "import sys; sys.stderr.write('LEEWARD_PORT is unknown'); sys.exit(2)"
    supervisor.start(part(code, probe=wrote(tmp_path / "part.log", "never")))
    with pytest.raises(PartFailedError, match=r"part cannot be started: it ended with exit code 2.*\nLEEWARD_PORT"):
        await supervisor.until_ready(LIMIT)


async def test_a_part_that_crashes_again_and_again_is_not_waited_for(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(part("raise ValueError('broken')", probe=wrote(tmp_path / "part.log", "never")))
    with pytest.raises(PartFailedError, match="broken"):
        await supervisor.until_ready(LIMIT)


async def test_a_part_that_is_never_ready_is_named_with_what_it_lacks(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(part(STAY, probe=wrote(tmp_path / "part.log", "never")))
    with pytest.raises(PartFailedError, match=r"part is not ready after 0.3 s \(never is not in the log\)"):
        await supervisor.until_ready(0.3)


async def test_the_last_wave_is_stopped_first(tmp_path: Path) -> None:
    story = tmp_path / "story"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    open({str(story)!r}, 'a').write(sys.argv[0] + NAME)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('here', flush=True)\ntime.sleep(600)"
    )
    async with Supervisor(tmp_path, lambda _: None) as supervisor:
        for wave, name in enumerate(("broker", "watcher", "scheduler")):
            probe = wrote(tmp_path / f"{name}.log", "here")
            supervisor.start(part(f"NAME = '{name} '\n{code}", name=name, wave=wave, probe=probe))
        await supervisor.until_ready(LIMIT)
    assert story.read_text().replace("-c", "") == "scheduler watcher broker "


async def test_a_part_that_does_not_listen_is_killed_after_its_patience(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, lambda _: None) as supervisor:
        keeper = supervisor.start(part(DEAF, probe=wrote(tmp_path / "part.log", "here"), patience=0.2))
        await keeper.until_ready(LIMIT)
        pid = keeper.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
