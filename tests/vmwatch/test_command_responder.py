"""The command responder with real programs: what they are told, how they end, and that nothing of them is left."""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from services.vmwatch.responder_settings import CommandSettings, Phase
from services.vmwatch.responders.base import ResponderError
from services.vmwatch.responders.command import CommandResponder
from services.vmwatch.templates import FIELDS
from shared.messages import DrainState
from tests.parts.responding import an_errand, an_event
from tests.parts.waiting import until

TELLS = """import json, os, sys
told = {"argv": sys.argv[1:], "stdin": json.load(sys.stdin), "environment": dict(os.environ), "folder": os.getcwd()}
json.dump(told, open("told", "w"))
"""
STUBBORN = """import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"])
open("pids.new", "w").write(f"{os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(60)
"""


def command(folder: Path, program: str, *words: str, phases: tuple[str, ...] = tuple(Phase)) -> CommandResponder:
    argv = json.dumps([sys.executable, "-c", program, *words])
    return CommandResponder(CommandSettings(command=argv, folder=folder, phases=phases), grace_seconds=0.1)


async def test_a_program_is_told_everything_about_the_event(tmp_path: Path) -> None:
    event = an_event(description="two\nlines; $(id)", duration_seconds=9)
    responder = command(tmp_path, TELLS, "${phase}", "${event.type} of ${host}")
    await responder.prepare(an_errand(event, drain=DrainState.DRAINING, others=(an_event("E2"),)))
    told = json.loads((tmp_path / "told").read_text())
    assert (told["argv"], told["folder"]) == (["prepare", "Reboot of db-0"], str(tmp_path))
    assert (told["stdin"]["event"]["eventId"], told["stdin"]["others"]) == ("E1", ["E2"])
    assert told["environment"]["LEEWARD_EVENT_DESCRIPTION"] == "two\nlines; $(id)"
    assert told["environment"]["LEEWARD_EVENT_NOT_BEFORE"] == "2026-04-20T12:05:00Z"
    assert len([name for name in told["environment"] if name.startswith("LEEWARD_")]) == len(FIELDS)


async def test_a_program_hears_nothing_of_the_watchers_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_MQTT_URL", "mqtt://db-0:a-password@broker")
    await command(tmp_path, TELLS).failed(an_errand(), "late")
    told = json.loads((tmp_path / "told").read_text())
    assert "a-password" not in json.dumps(told)
    assert told["environment"]["LEEWARD_WHY"] == "late"


async def test_an_exit_code_other_than_zero_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ResponderError, match=r"ended with exit code 3$"):
        await command(tmp_path, "raise SystemExit(3)").resume(an_errand())
    with pytest.raises(ResponderError, match=r"was ended by signal 9$"):
        await command(tmp_path, "import os; os.kill(os.getpid(), 9)").drained(an_errand())


async def test_a_program_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    settings = CommandSettings(command=f"{tmp_path}/leave --now", phases=(Phase.PREPARE,))
    with pytest.raises(ResponderError, match="leave cannot be run: No such file or directory"):
        await CommandResponder(settings).prepare(an_errand())


async def test_only_the_phases_and_types_that_are_set_are_run(tmp_path: Path) -> None:
    responder = command(tmp_path, TELLS, "${phase}", phases=("resume",))
    await responder.prepare(an_errand())
    assert not (tmp_path / "told").exists()
    await responder.resume(an_errand())
    assert json.loads((tmp_path / "told").read_text())["argv"] == ["resume"]
    only = CommandResponder(CommandSettings(command="/bin/true", events=("Reboot", "redeploy")))
    assert [only.concerns(an_event(type=kind)) for kind in ("reboot", "Redeploy", "Freeze")] == [True, True, False]


async def test_nothing_is_run_for_mere_advice_unless_its_type_is_named() -> None:
    advice = an_event(type="SpotRebalanceRecommendation", status="Advisory")
    named = CommandSettings(command="/bin/true", events=("SpotRebalanceRecommendation",))
    assert not CommandResponder(CommandSettings(command="/bin/true")).concerns(advice)
    assert CommandResponder(named).concerns(advice)


async def test_a_program_whose_time_is_up_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    running = asyncio.create_task(command(tmp_path, STUBBORN).prepare(an_errand()))
    await until(lambda: asyncio.to_thread((tmp_path / "pids").exists))
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        await until(partial(asyncio.to_thread, is_gone, pid))
        assert is_gone(pid)


async def test_a_program_that_says_much_and_reads_nothing_is_none_the_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import sys; sys.stdin.close(); print('x' * 300_000 + ' the end', flush=True)"
    await command(tmp_path, program).prepare(an_errand(an_event(description="y" * 100_000)))
    said = capsys.readouterr()
    assert "the end" in said.out + said.err
    assert len(said.out + said.err) < 10_000


async def test_what_a_program_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    program = "import subprocess, sys; p = subprocess.Popen(['/bin/sleep', '30']); open('pid', 'w').write(str(p.pid))"
    await asyncio.wait_for(command(tmp_path, program).prepare(an_errand()), 10)
    pid = int((tmp_path / "pid").read_text())
    assert not is_gone(pid)
    os.kill(pid, 9)


def is_gone(pid: int) -> bool:
    """Whether no such process runs; one that nobody has waited for yet runs no more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "ZX"
