"""The files that `leeward-imds record` writes: what is in them, what is not, and what is said about broken ones."""

import stat
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.faults import Endpoint
from services.vmwatch.emulator.masking import Masking, without_secrets
from services.vmwatch.emulator.recording import (
    Answer,
    End,
    Failure,
    Heading,
    RecordingFile,
    Silence,
    answered,
    load_recording,
)
from services.vmwatch.emulator.replay import Dates, Replay
from services.vmwatch.errors import RecordingError
from tests.parts.watching import NOON, TurnedClock

HEADING = Heading(at=NOON, source="http://127.0.0.1", api_version="2020-07-01", poll_seconds=1.0, masked=False)
EVENT = b"""{"DocumentIncarnation":2, "Events":[{"EventId":"602D9444", "EventStatus":"Scheduled", "EventType":"Freeze",
 "ResourceType":"VirtualMachine", "Resources":["WestNO_0"], "NotBefore":"Mon, 20 Apr 2026 12:15:00 GMT",
 "Description":"WestNO_0 pauses", "EventSource":"Platform", "DurationInSeconds":5}]}"""
CALM = b'{"DocumentIncarnation":3,"Events":[]}'


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def answer(seconds: float, body: bytes) -> Answer:
    return answered(Answer(at=NOON + after(seconds), endpoint=Endpoint.EVENTS, status=200), body)


def written(path: Path, *lines: Answer | Failure | End) -> Path:
    with RecordingFile(path, max_bytes=1_000_000) as file:
        assert all(file.write(line) for line in (HEADING, *lines))
    return path


def test_what_is_written_is_read_again_byte_for_byte(tmp_path: Path) -> None:
    lines = (
        answer(1, EVENT),
        answer(2, b"\x00\xff not json"),
        Failure(at=NOON + after(3), endpoint=Endpoint.EVENTS, silence=Silence.TIMEOUT),
    )
    recording = load_recording(written(tmp_path / "a.jsonl", *lines, End(at=NOON + after(9), polls=9)))
    assert recording.entries == lines
    assert recording.length == after(9)
    assert [line.content for line in lines[:2]] == [EVENT, b"\x00\xff not json"]
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


def test_each_endpoint_answers_what_was_last_heard_of_it(tmp_path: Path) -> None:
    recording = load_recording(written(tmp_path / "a.jsonl", answer(1, EVENT), answer(5, CALM)))
    shown = [recording.at(Endpoint.EVENTS, after(seconds)) for seconds in (0, 1, 4.9, 5, 900)]
    assert [entry.content for entry in shown if isinstance(entry, Answer)] == [EVENT, EVENT, EVENT, CALM, CALM]
    assert recording.at(Endpoint.INSTANCE, after(0)) is None


def test_a_full_file_takes_no_more_and_an_old_one_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with RecordingFile(path, max_bytes=400) as file:
        assert file.write(HEADING)
        assert not file.write(answer(1, b"x" * 400))
    assert path.stat().st_size < 400
    with pytest.raises(RecordingError, match="exists already"):
        RecordingFile(path, max_bytes=400).__enter__()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: not a recording"),
        ("{", "line 1: "),
        ('{"is":"end","at":"2026-04-20T12:00:00Z","polls":1}', "line 1: not a recording"),
        ("HEADING\n", "nothing was recorded"),
        ("HEADING\n\n{}\n", "line 3: "),
        (
            'HEADING\n{"is":"answer","at":"2026-04-20T12:00:00Z","endpoint":"instance","status":200,"bodyBase64":"#"}',
            "line 2: ",
        ),
    ],
)
def test_a_broken_recording_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(text.replace("HEADING", msgspec.json.encode(HEADING).decode()))
    with pytest.raises(RecordingError, match=f"broken.jsonl: {said}"):
        load_recording(path)


def test_dates_move_to_where_the_replay_stands_and_nothing_else_changes(tmp_path: Path) -> None:
    recording = load_recording(written(tmp_path / "a.jsonl", answer(0, EVENT), End(at=NOON + after(900), polls=900)))
    later = TurnedClock(NOON + after(86400))
    moved, kept = (Replay(recording, Pace(later, speed=60), dates) for dates in (Dates.MOVED, Dates.KEPT))
    entry = moved.current(Endpoint.EVENTS)
    assert isinstance(entry, Answer)
    assert moved.body(entry) == EVENT.replace(b"Mon, 20 Apr 2026 12:15:00", b"Tue, 21 Apr 2026 12:00:15")
    assert kept.body(entry) == EVENT
    iso = answer(0, b'{"NotBefore": "2026-04-20T12:15:00Z", "NotBefore": "", "NotBefore": "soon"}')
    assert moved.body(iso) == b'{"NotBefore": "2026-04-21T12:00:15+00:00", "NotBefore": "", "NotBefore": "soon"}'


def test_a_replay_goes_at_its_own_speed_and_ends(tmp_path: Path) -> None:
    recording = load_recording(written(tmp_path / "a.jsonl", answer(0, EVENT), answer(600, CALM)))
    clock = TurnedClock()
    replay = Replay(recording, Pace(clock, speed=60))
    clock.turn(5)
    assert (replay.position, replay.is_over) == (after(300), False)
    clock.turn(60)
    assert (replay.position, replay.is_over, replay.ends_at) == (after(600), True, NOON + after(10))


def test_masking_gives_the_same_name_the_same_mask_and_keeps_the_story() -> None:
    mask = Masking()
    first, again = (msgspec.json.decode(mask(Endpoint.EVENTS, EVENT)) for _ in range(2))
    assert first == again
    (event,) = first["Events"]
    assert event["EventId"] == "00000000-0000-0000-0000-000000000001"
    assert (event["Resources"], event["Description"]) == (["vm-1"], "vm-1 pauses")
    assert (event["NotBefore"], event["DurationInSeconds"]) == ("Mon, 20 Apr 2026 12:15:00 GMT", 5)
    instance = {
        "compute": {
            "name": "westno_0",
            "vmId": "1234",
            "vmScaleSetName": "WestNO",
            "resourceGroupName": "shop",
            "location": "westeurope",
            "tagsList": [{"name": "a", "value": "b"}],
        },
        "network": {"interface": [{"ipv4": {"ipAddress": [{"privateIpAddress": "10.0.0.4"}]}}]},
    }
    assert msgspec.json.decode(mask(Endpoint.INSTANCE, msgspec.json.encode(instance))) == {
        "compute": {
            "name": "vm-1",
            "vmId": "00000000-0000-0000-0000-000000000002",
            "vmScaleSetName": "set-1",
            "resourceGroupName": "group-1",
            "location": "westeurope",
            "tagsList": [],
        },
        "network": {"interface": [{"ipv4": {"ipAddress": [{"privateIpAddress": ""}]}}]},
    }


@pytest.mark.parametrize("body", [b"<html>db-0</html>", b'{"error":"db-0"}', b'{"Events":["db-0"]}', b"[1]"])
def test_masking_lets_no_unknown_form_through(body: bytes) -> None:
    assert b"db-0" not in Masking()(Endpoint.EVENTS, body)


def test_secrets_of_the_instance_document_are_left_out_always() -> None:
    compute = {"name": "db-0", "userData": "c2VjcmV0", "customData": "x", "publicKeys": [{"keyData": "ssh-rsa"}]}
    body = msgspec.json.encode({"compute": compute})
    assert msgspec.json.decode(without_secrets(Endpoint.INSTANCE, body)) == {
        "compute": {"name": "db-0", "userData": "", "customData": "", "publicKeys": ""}
    }
    assert without_secrets(Endpoint.EVENTS, EVENT) == EVENT
