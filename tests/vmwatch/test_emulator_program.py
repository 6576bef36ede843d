"""`leeward-imds` as a program: emulate, record, replay, and what it says when it cannot."""

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.vmwatch.emulator.__main__ import main
from services.vmwatch.emulator.commands import RecordOrder, ReplayOrder, ServeOrder, imds, parse
from services.vmwatch.emulator.events import Approvals
from services.vmwatch.emulator.recording import load_recording
from services.vmwatch.imds import ImdsClient
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.waiting import until

HEAVY = {"aiomqtt", "aiosqlite", "cronsim", "cryptography", "jinja2", "jwt", "proton", "psutil", "pytest", "sqlalchemy"}
OTHERS = ("services.scheduler", "services.client", "services.local", "shared.bus")


def ended(program: Program) -> Callable[[], Awaitable[bool]]:
    async def has_ended() -> bool:
        return program.has_ended

    return has_ended


def saying(program: Program, words: str) -> Callable[[], Awaitable[bool]]:
    async def has_said() -> bool:
        return words in program.said

    return has_said


async def test_a_service_is_recorded_and_played_by_programs(tmp_path: Path) -> None:
    timeline, port, file = tmp_path / "timeline.yaml", free_port(), tmp_path / "a.jsonl"
    timeline.write_text("- {at: 0, do: schedule, event: a, id: a, type: Reboot, resources: [db-0]}\n")
    serving = ("services.vmwatch.emulator", f"--listen=127.0.0.1:{port}", f"--timeline={timeline}")
    recording = ("services.vmwatch.emulator", "record", "--from", f"http://127.0.0.1:{port}", "--to", str(file))
    async with Program(*serving, log=tmp_path / "imds.log"):
        await listening(port)
        async with Program(*recording, "--seconds=0.5", log=tmp_path / "record.log") as recorder:
            await until(ended(recorder))
            assert await recorder.stop() == 0
    assert "play it with: leeward-imds replay" in (tmp_path / "record.log").read_text()
    playing = ("services.vmwatch.emulator", "replay", str(file), "--speed=60", f"--listen=127.0.0.1:{port}")
    async with Program(*playing, log=tmp_path / "replay.log") as player:
        await listening(port)
        async with ImdsClient(f"http://127.0.0.1:{port}") as client:
            assert [event.event_id for event in (await client.read_events()).events] == ["A"]
        assert await player.stop() == 0


async def test_a_recorder_that_is_stopped_while_nobody_answers_leaves_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    nobody = ("services.vmwatch.emulator", "record", "--from", f"http://127.0.0.1:{free_port()}", "--to", str(file))
    async with Program(*nobody, log=tmp_path / "record.log") as recorder:
        await until(saying(recorder, "no answer"))
        assert await recorder.stop() == 0
        assert "has not answered well once" in recorder.said
    assert load_recording(file).entries[0].endpoint == "instance"


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["--vm", "a", "replay", "x.jsonl"], "--vm before replay has no effect", 2),
        (["record"], "Missing option '--to'", 2),
        (["record", "--to", "x", "--from", "169.254.169.254"], "write http://address", 2),
        (["record", "--to", "x", "--poll-seconds", "0.1"], "x>=0.5", 2),
        (["replay", "broken.jsonl"], "line 1: not a recording of leeward-imds record", 2),
        (["record", "--to", "broken.jsonl"], "exists already; give another name with --to", 2),
        (["--listen", "nowhere"], "--listen nowhere", 2),
        (["--timeline", "broken.yaml"], "step 1: 'shedule' at `$.do` is not known; did you mean schedule?", 2),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.jsonl").write_text('{"is":"end","at":"2026-04-20T12:00:00Z","polls":0}')
    Path("broken.yaml").write_text("- {at: 0, do: shedule}")
    assert main(arguments) == code
    assert said in capsys.readouterr().err


def test_the_command_line_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.touch()
    serve, record = parse(["--approvals", "all", "--activation-delay", "300"]), parse(["record", "--to", "b", "--mask"])
    replay = parse(["--log-level", "ERROR", "replay", str(file), "--dates", "kept"])
    assert isinstance(serve, ServeOrder)
    assert (serve.options.habits.approvals, serve.options.activation_delay) == (Approvals.ALL, 300)
    assert isinstance(record, RecordOrder)
    assert (record.source, record.poll_seconds, record.mask) == ("http://169.254.169.254", 1.0, True)
    assert isinstance(replay, ReplayOrder)
    assert (replay.file, replay.dates) == (file, "kept")


def test_help_teaches_with_examples_that_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out.replace("\\\n", " ")
    examples = re.findall(r"^ +leeward-imds (--.*|record.*)$", told, flags=re.MULTILINE)
    assert [parse(example.split()) is not None for example in examples] == [True] * 3
    assert [name for name in imds.commands if f"leeward-imds {name}" not in told] == []


def test_it_needs_nothing_of_the_scheduler_s_and_no_pytest() -> None:
    """A process of its own says which modules are there once the emulator, its recorder and its fixtures' part are."""
    script = "import services.vmwatch.emulator.__main__, services.vmwatch.emulator.testing, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & {name.partition(".")[0] for name in found} == set()
    assert [name for name in found if name.startswith(OTHERS)] == []
