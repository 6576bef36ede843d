"""A recording is made of a service as it is, and a real client that reads its replay sees the same story."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from services.vmwatch.documents import Document
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.masking import Masking, without_secrets
from services.vmwatch.emulator.recorder import Order, Recorder
from services.vmwatch.emulator.recording import Answer, Recording, RecordingFile, load_recording
from services.vmwatch.emulator.replay import Replay
from services.vmwatch.emulator.replay_routes import ReplayRoutes
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.web_server import WebServer
from services.vmwatch.errors import MetadataError, MetadataOutcome
from services.vmwatch.imds import ImdsClient, TimeLimits
from services.vmwatch.instance import Overrides
from shared.clock import SystemClock
from shared.settings import Listen
from tests.parts.waiting import until
from tests.parts.watching import TurnedClock, emulator

OFTEN = 0.02


async def recorded(imds: Emulator, path: Path, *steps: str, masking: Masking | None = None) -> Recording:
    """Record while the steps are taken on `event-1`, each once the one before has been read."""
    order = Order(source=imds.url("db-0"), poll_seconds=OFTEN, is_masked=masking is not None)
    stop = asyncio.Event()
    with RecordingFile(path, max_bytes=1_000_000) as file:
        recorder = Recorder(order, file, masking or without_secrets, SystemClock())
        running = asyncio.create_task(recorder.run(stop))
        for step in ("calm", *steps):
            if step != "calm":
                getattr(imds.stage, step)("EVENT-1")
            await several_polls(imds)
        stop.set()
        await running
    return load_recording(path)


async def several_polls(imds: Emulator) -> None:
    enough = imds.stage.requests["db-0 GET scheduledevents"] + 3

    async def asked() -> bool:
        return imds.stage.requests["db-0 GET scheduledevents"] >= enough

    await until(asked)


async def story(replay: Replay, client: ImdsClient, clock: TurnedClock) -> list[Document]:
    """Read each second of the replay; return what differs from the reading before."""
    told = [await client.read_events()]
    while not replay.is_over:
        clock.turn(OFTEN)
        if (document := await client.read_events()) != told[-1]:
            told.append(document)
    return told


def server(replay: Replay) -> WebServer:
    return WebServer(ReplayRoutes(replay).routes(), Listen("127.0.0.1", 0))


async def test_a_replay_tells_the_recorded_story_to_the_real_client(tmp_path: Path) -> None:
    async with emulator(options=Options(etag=True)) as imds:
        imds.stage.schedule(Draft(type="Reboot", resources=("db-0",), notice_seconds=600, started_seconds=600))
        recording = await recorded(imds, tmp_path / "a.jsonl", "start", "finish")
    clock = TurnedClock()
    replay = Replay(recording, Pace(clock))
    async with server(replay) as served, ImdsClient(served.base) as client:
        told = await story(replay, client, clock)
        assert [[event.status for event in document.events] for document in told] == [["Scheduled"], ["Started"], []]
        assert told[0].events[0].event_id == told[1].events[0].event_id == "EVENT-1"
        assert (await client.read_instance(Overrides())).host == "db-0"
        assert await client.approve("EVENT-1") == 200


async def test_only_changes_are_recorded_and_how_often_was_asked(tmp_path: Path) -> None:
    async with emulator() as imds:
        imds.stage.schedule(Draft(type="Reboot", resources=("db-0",), notice_seconds=600))
        recording = await recorded(imds, tmp_path / "a.jsonl", "cancel")
        asked = imds.stage.requests["db-0 GET scheduledevents"]
    assert [(entry.endpoint, isinstance(entry, Answer)) for entry in recording.entries] == [
        (Endpoint.INSTANCE, True),
        (Endpoint.EVENTS, True),
        (Endpoint.EVENTS, True),
    ]
    last = msgspec.json.decode((tmp_path / "a.jsonl").read_bytes().splitlines()[-1])
    assert last["is"] == "end"
    # The last request may have been given up when it stopped.
    assert asked - 1 <= last["polls"] <= asked


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(kind=FaultKind.STATUS, status=410), MetadataOutcome.GONE),
        (Fault(kind=FaultKind.HTML), MetadataOutcome.INVALID),
        (Fault(kind=FaultKind.GARBAGE), MetadataOutcome.INVALID),
        (Fault(kind=FaultKind.REDIRECT), MetadataOutcome.REDIRECT),
        (Fault(kind=FaultKind.RESET), MetadataOutcome.UNREACHABLE),
        (Fault(kind=FaultKind.HUGE), MetadataOutcome.TOO_BIG),
    ],
)
async def test_faults_are_recorded_as_they_come_and_played_again(
    tmp_path: Path, fault: Fault, outcome: MetadataOutcome
) -> None:
    async with emulator() as imds:
        imds.stage.faults.add(fault, imds.stage.pace.now())
        recording = await recorded(imds, tmp_path / "a.jsonl")
    replay = Replay(recording, Pace(TurnedClock()))
    async with server(replay) as served, ImdsClient(served.base, limits=TimeLimits(first=2, later=2)) as client:
        with pytest.raises(MetadataError) as caught:
            await client.read_events()
        assert caught.value.outcome is outcome


async def test_a_masked_recording_names_nobody_and_plays_all_the_same(tmp_path: Path) -> None:
    async with emulator() as imds:
        imds.stage.schedule(Draft(type="Reboot", resources=("db-1", "db-0"), notice_seconds=600))
        recording = await recorded(imds, tmp_path / "a.jsonl", masking=Masking())
    text = (tmp_path / "a.jsonl").read_text()
    assert [word for word in ("db-0", "db-1", "127.0.0.1", "EVENT-1", "emulated", "10.0.0") if word in text] == []
    replay = Replay(recording, Pace(TurnedClock()))
    async with server(replay) as served, ImdsClient(served.base) as client:
        (event,) = (await client.read_events()).events
        assert (await client.read_instance(Overrides())).host in event.resources


async def test_a_replay_answers_304_by_the_recorded_etag_and_any_vm_by_its_name(tmp_path: Path) -> None:
    async with emulator(options=Options(etag=True)) as imds:
        recording = await recorded(imds, tmp_path / "a.jsonl")
    outcomes: list[MetadataOutcome] = []
    replay = Replay(recording, Pace(TurnedClock()))
    async with server(replay) as served, ImdsClient(f"{served.base}/vm/db-7", count=outcomes.append) as client:
        assert await client.read_events() == await client.read_events()
        assert outcomes == [MetadataOutcome.OK, MetadataOutcome.UNCHANGED]
        assert (await client.read_instance(Overrides())).host == "db-7"
