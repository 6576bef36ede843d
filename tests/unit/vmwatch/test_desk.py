"""The desk: approvals wait for the responders, whatever happens to events, deadlines and the watcher itself."""

from pathlib import Path

import msgspec
import pytest

from services.vmwatch.responders.base import ResponderError, UnheardError
from shared.bus import Delivery
from shared.messages import DrainState, MessageRefusedError
from tests.parts.responding import BLOCK_TOPIC, ObedientResponder, a_desk, an_event
from tests.parts.watching import TurnedClock


async def test_the_block_stands_before_anything_is_done_and_falls_when_all_is_done(tmp_path: Path) -> None:
    first, second = ObedientResponder(is_open=False), ObedientResponder("webhook", is_open=False)
    async with a_desk(tmp_path, first, second) as work:
        work.desk.take([an_event()])
        assert (work.block, first.calls) == ("command, webhook at work for Reboot E1", [])
        await work.until(lambda: first.calls == second.calls == ["E1 prepare"])
        first.gate.set()
        await work.until(lambda: work.runs("prepare", "done") == 1)
        assert work.block is not None
        second.gate.set()
        await work.until_unblocked()
    assert [errand.computer_name for errand in first.errands] == ["db0000"]


async def test_events_of_neighbours_and_of_other_types_are_left_alone(tmp_path: Path) -> None:
    responder = ObedientResponder(types=("Terminate",))
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event(), an_event("E2", type="Terminate", resources=("db-1",))])
        assert work.block is None
        work.desk.take([an_event("E3", type="Terminate")])
        assert work.block == "command at work for Terminate E3"
        await work.until_unblocked()
    assert responder.calls == ["E3 prepare"]


async def test_a_failed_responder_leaves_the_block_and_all_hear_why(tmp_path: Path) -> None:
    bad, good = ObedientResponder(), ObedientResponder("webhook")
    bad.faults["prepare"] = ResponderError("no such service")
    async with a_desk(tmp_path, bad, good) as work:
        work.desk.take([an_event()])
        await work.until(lambda: len(good.calls) == 2)
        assert good.calls == ["E1 prepare", "E1 failed (command: no such service)"]
        assert work.block == "not ready for Reboot E1: command: no such service"
        await work.drain("E1", DrainState.DRAINED)
        work.later(10)
        assert work.desk.objection("E1") == work.block
    assert (work.runs("prepare", "failed"), work.runs("failed", "done")) == (1, 1)


async def test_a_responder_that_breaks_is_one_that_failed(tmp_path: Path) -> None:
    responder = ObedientResponder()
    responder.faults["prepare"] = ZeroDivisionError()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until(lambda: len(responder.calls) == 2)
        assert work.block == "not ready for Reboot E1: command: unexpected ZeroDivisionError"


async def test_nothing_waits_for_news_that_nobody_took(tmp_path: Path) -> None:
    responder = ObedientResponder("webhook")
    responder.faults["prepare"] = UnheardError("it answers 500")
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        assert work.runs("prepare", "failed", "webhook") == 1


async def test_work_that_the_deadline_overtakes_is_ended_and_blocks_the_event(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event(notice=30)])
        await work.until(lambda: responder.calls == ["E1 prepare"])
        work.later(29)
        assert work.block == "command at work for Reboot E1"
        work.later(1)
        await work.until(lambda: len(responder.calls) == 3)
        assert responder.calls[1:] == ["E1 cancelled", "E1 failed (the deadline came first)"]
        assert work.block == "not ready for Reboot E1: the deadline came first"


async def test_work_that_ends_when_the_deadline_has_come_was_too_late(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event(notice=30)])
        await work.until(lambda: responder.calls == ["E1 prepare"])
        work.clock.turn(30)
        responder.gate.set()
        await work.until(lambda: len(responder.calls) == 2)
        assert work.block == "not ready for Reboot E1: the deadline came first"


async def test_an_event_that_comes_earlier_than_announced_shortens_the_time(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event(notice=600)])
        await work.until(lambda: responder.calls == ["E1 prepare"])
        work.desk.take([an_event(notice=20)])
        work.later(20)
        await work.until(lambda: len(responder.calls) == 3)
    assert responder.calls == ["E1 prepare", "E1 cancelled", "E1 failed (the deadline came first)"]


async def test_an_event_that_begins_before_the_host_is_ready_was_not_prepared_for(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until(lambda: responder.calls == ["E1 prepare"])
        work.desk.take([an_event(notice=None, status="Started")])
        await work.until(lambda: len(responder.calls) == 3)
        assert work.block == "not ready for Reboot E1: the event began first"


async def test_an_event_born_started_is_prepared_for_all_the_same(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event(notice=None, status="Started")])
        await work.until_unblocked()
        work.desk.take([])
        await work.until(lambda: len(responder.calls) == 2)
    assert responder.calls == ["E1 prepare", "E1 resume"]


async def test_the_host_is_drained_once_both_sides_are_done(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder) as work:
        await work.drain("E1", DrainState.DRAINED)
        work.desk.take([an_event()])
        await work.until(lambda: responder.calls == ["E1 prepare"])
        responder.gate.set()
        await work.until(lambda: len(responder.calls) == 2)
        work.desk.take([an_event("E2", notice=None, status="Started"), an_event()])
        await work.until(lambda: "E2 prepare" in responder.calls)
        await work.drain("E2", DrainState.DRAINING)
        await work.drain("E2", DrainState.DRAINED)
        await work.until(lambda: len(responder.calls) == 4)
    assert responder.calls == ["E1 prepare", "E1 drained", "E2 prepare", "E2 drained"]
    assert [other.event_id for other in responder.errands[-1].others] == ["E1"]


async def test_a_drain_that_is_overdue_blocks_what_was_ready(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        await work.drain("E1", DrainState.OVERDUE)
        assert work.block == "not ready for Reboot E1: the scheduler did not empty the host in time"
        await work.until(lambda: len(responder.calls) == 2)
    assert responder.calls[1] == "E1 failed (the scheduler did not empty the host in time)"


async def test_several_events_are_held_back_apart_and_end_apart(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        responder.gate.clear()
        work.desk.take([an_event(), an_event("E2", type="Freeze")])
        assert work.block == "command at work for Freeze E2"
        assert (work.desk.objection("E1"), work.desk.objection("E2")) == ("", work.block)
        work.desk.take([an_event("E2", type="Freeze")])
        await work.until(lambda: "E1 resume" in responder.calls)
        assert [other.event_id for other in responder.errands[-1].others] == ["E2"]
        assert work.block == "command at work for Freeze E2"
        work.desk.take([])
        await work.until(lambda: "E2 resume" in responder.calls)
        assert work.block is None
    assert responder.calls.index("E2 cancelled") < responder.calls.index("E2 resume")


async def test_a_resume_that_fails_is_repeated_until_it_is_done(tmp_path: Path) -> None:
    responder, other = ObedientResponder(), ObedientResponder("webhook")
    responder.faults["resume"] = ResponderError("not yet")
    async with a_desk(tmp_path, responder, other) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        work.desk.take([])
        await work.until(lambda: work.runs("resume", "failed") == 1 and "E1 resume" in other.calls)
        del responder.faults["resume"]
        await work.until(lambda: not (tmp_path / "cases.json").read_text().count("webhook"))
        work.later(600)
        await work.until(lambda: (tmp_path / "cases.json").read_text() == '{"host":"db-0","cases":[]}')
    assert (responder.calls[1:], other.calls[1:]) == (["E1 resume", "E1 resume"], ["E1 resume"])


async def test_an_event_of_another_type_is_prepared_for_again(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        work.desk.take([an_event(notice=200, description="sooner, and otherwise the same")])
        assert work.block is None
        work.desk.take([an_event(type="Terminate")])
        assert work.block == "command at work for Terminate E1"
        await work.until_unblocked()
    assert responder.calls == ["E1 prepare", "E1 prepare"]


async def test_a_restart_in_the_middle_of_the_work_takes_it_up_again_behind_the_same_block(tmp_path: Path) -> None:
    first, second = ObedientResponder(is_open=False), ObedientResponder()
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until(lambda: first.calls == ["E1 prepare"])
    assert first.calls == ["E1 prepare", "E1 cancelled"]
    assert work.block == "command at work for Reboot E1"
    async with a_desk(tmp_path, second) as again:
        await again.drain("E1", DrainState.DRAINING)
        again.later(1)
        assert again.said.kept == []
        again.desk.take([an_event()])
        assert again.block == work.block
        await again.until_unblocked()
    assert second.calls == ["E1 prepare"]


async def test_before_the_first_whole_document_nothing_of_the_last_life_is_over(tmp_path: Path) -> None:
    first, second = ObedientResponder(is_open=False), ObedientResponder(is_open=False)
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until(lambda: first.calls == ["E1 prepare"])
    async with a_desk(tmp_path, second) as again:
        again.desk.take([an_event("E2")], is_whole=False)
        await again.until(lambda: second.calls == ["E2 prepare"])
        assert again.block == "command at work for Reboot E1; command at work for Reboot E2"
        assert '"E1"' in (tmp_path / "cases.json").read_text()
        again.desk.take([an_event("E2")])
        await again.until(lambda: "E1 resume" in second.calls)
        assert again.block == "command at work for Reboot E2"


async def test_what_was_done_before_a_restart_is_not_done_again(tmp_path: Path) -> None:
    first, second = ObedientResponder(), ObedientResponder()
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        await work.until(lambda: '"ready"' in (tmp_path / "cases.json").read_text())
    async with a_desk(tmp_path, second) as again:
        again.desk.take([an_event()])
        assert again.said.kept == [(BLOCK_TOPIC, b"")]
        await again.drain("E1", DrainState.DRAINED)
        await again.until(lambda: second.calls == ["E1 drained"])


async def test_an_event_that_ended_while_the_watcher_was_down_puts_the_host_back_to_work(tmp_path: Path) -> None:
    first, second = ObedientResponder(), ObedientResponder()
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
    async with a_desk(tmp_path, second) as again:
        again.later(5)
        assert second.calls == []
        again.desk.take([])
        await again.until(lambda: second.calls == ["E1 resume"])
        assert again.block is None


@pytest.mark.parametrize(("passed", "calls"), [(0, ["E1 prepare"]), (300, [])])
async def test_a_restart_tries_again_what_failed_while_there_is_time(
    tmp_path: Path, passed: float, calls: list[str]
) -> None:
    first, second, clock = ObedientResponder(), ObedientResponder(), TurnedClock()
    first.faults["prepare"] = ResponderError("a wrong path")
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until(lambda: len(first.calls) == 2)
    clock.turn(passed)
    async with a_desk(tmp_path, second, clock=clock) as again:
        again.desk.take([an_event()])
        assert again.block is not None
        await again.until(lambda: second.calls == calls)
        assert calls or again.block == "not ready for Reboot E1: command: a wrong path"


async def test_a_vm_that_was_rebooted_before_it_was_ready_was_not_prepared(tmp_path: Path) -> None:
    first, second = ObedientResponder(is_open=False), ObedientResponder()
    async with a_desk(tmp_path, first) as work:
        work.desk.take([an_event()])
        await work.until(lambda: first.calls == ["E1 prepare"])
    async with a_desk(tmp_path, second) as again:
        again.desk.take([an_event(notice=None, status="Started")])
        await again.until(lambda: second.calls == ["E1 failed (the event began first)"])
        assert again.block == "not ready for Reboot E1: the event began first"


@pytest.mark.parametrize("content", ["", "{", '{"host": "db-1", "cases": []}'])
async def test_a_file_that_is_of_no_use_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "cases.json").write_text(content)
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
    assert responder.calls == ["E1 prepare"]


async def test_a_file_that_cannot_be_written_keeps_nothing_from_being_done(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path / "missing", responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        work.desk.take([])
        await work.until(lambda: responder.calls == ["E1 prepare", "E1 resume"])
        assert not (tmp_path / "missing").exists()


async def test_a_dry_run_does_nothing_and_holds_every_event_of_the_host_back(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder, dry_run=True) as work:
        work.desk.take([an_event()])
        assert work.block == "dry run: Reboot E1 is not approved"
        await work.drain("E1", DrainState.DRAINED)
        await work.until(lambda: work.runs("drained", "dry_run") == 1)
        assert work.block == "dry run: Reboot E1 is not approved"
        work.desk.take([])
        await work.until(lambda: work.runs("resume", "dry_run") == 1)
        assert work.block is None
    assert (responder.calls, work.runs("prepare", "dry_run")) == ([], 1)


async def test_drains_of_other_hosts_and_what_is_no_drain_are_refused(tmp_path: Path) -> None:
    async with a_desk(tmp_path, ObedientResponder()) as work:
        topic = "leeward/v1/hosts/db-0/drains/E1"
        empty = Delivery(topic=topic, payload=b"", retained=False)
        await work.desk.hear_drain(empty)
        for payload in (b"{}", b'{"eventId":"E1","host":"db-1","state":"drained","running":0,"held":0,"rerouted":0,'):
            with pytest.raises(MessageRefusedError):
                await work.desk.hear_drain(msgspec.structs.replace(empty, payload=payload))
        assert work.block is None


async def test_a_call_without_a_deadline_ends_some_time(tmp_path: Path) -> None:
    responder = ObedientResponder(is_open=False)
    async with a_desk(tmp_path, responder, patience=0.01) as work:
        work.desk.take([an_event(notice=None)])
        await work.until(lambda: len(responder.calls) == 3)
        assert work.block == "not ready for Reboot E1: command: not done within 0.01 s"
