"""Approvals: when they are due, whom they are asked of, what stands in their way, and who else may have given them."""

from datetime import timedelta
from itertools import count

import pytest

from services.scheduler.domain.hosts import STARTED
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.fleet.approvals import AGAIN, TURN, allowed, due
from services.scheduler.fleet.drains import Work
from services.scheduler.settings import Approve
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    EventRecord,
    HostDrain,
)
from shared.messages import OBJECTED, Block, encode
from shared.topics import RESPONDERS_BLOCK, HostKey
from tests.parts.builders import EVENT_ID, NOON, event
from tests.parts.fleets import LEASE, TOPICS, Watched

MINUTE = timedelta(minutes=1)


def record(*drains: str, status: str = "Scheduled", source: str = "User", **more: object) -> EventRecord:
    fields: dict[str, object] = {
        "event_id": EVENT_ID,
        "type": "Reboot",
        "status": status,
        "resources": ("db-0",),
        "not_before": NOON + 15 * MINUTE,
        "duration_seconds": None,
        "source": source,
        "description": "",
        "first_seen_at": NOON,
        "hosts": {f"db-{number}": HostDrain(drain=drain) for number, drain in enumerate(drains)},
    }
    return EventRecord(**{**fields, **more})  # type: ignore[arg-type]


def test_the_setting_says_which_events_may_be_approved() -> None:
    of_user, of_platform = record("drained"), record("drained", source="Platform")
    for setting, expected in ((Approve.NONE, (0, 0)), (Approve.USER, (1, 0)), (Approve.ALL, (1, 1))):
        assert (allowed(of_user, setting), allowed(of_platform, setting)) == expected


def test_an_approval_is_due_when_every_host_is_drained_in_time() -> None:
    assert due(record("drained", "drained"), Approve.USER)
    assert not due(record("drained", "draining"), Approve.USER)
    assert not due(record("drained", "overdue"), Approve.USER)
    assert not due(record(), Approve.USER)
    assert not due(record("drained", status=STARTED), Approve.USER)
    assert not due(record("drained", approval=Approval(state=ApprovalState.APPROVED)), Approve.USER)


def counted(watched: Watched) -> dict[str, float]:
    """Return how often approvals came to what, but for what they never came to."""
    (family,) = (found for found in watched.metrics.registry.collect() if found.name == "leeward_approvals")
    return {
        each.labels["outcome"]: each.value for each in family.samples if each.name.endswith("_total") and each.value
    }


async def announced(*hosts: str, **more: object) -> Watched:
    """Watched hosts, the first of them about to be rebooted."""
    watched = await Watched(*hosts, **more).begin()  # type: ignore[arg-type]
    for host in hosts:
        watched.see(host, event(hosts[0]))
    return watched


async def test_a_drained_host_is_approved_by_its_own_watcher_and_the_record_says_who_when_and_why() -> None:
    watched = await announced("db-0", "db-1")
    await watched.look()
    approval = (await watched.record()).approval
    assert watched.bus.asked == ["db-0"]
    assert (approval.state, approval.by, approval.at) == (ApprovalState.APPROVED, "one via db-0", NOON)
    assert approval.reason == "every job that ran there is finished, moved or held"
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_nothing_is_asked_while_anything_runs_on_any_host_of_the_event() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.work["db-1"] = Work(running=1)
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0", "db-1"))
    await watched.look()
    assert watched.bus.asked == []
    watched.work.clear()
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_after_a_silence_the_next_watcher_is_asked() -> None:
    watched = await announced("db-0", "db-1")
    watched.bus.silent = {"db-0"}
    await watched.look()
    assert watched.bus.asked == ["db-0", "db-1"]
    assert (await watched.record()).approval.by == "one via db-1"


async def test_no_neighbour_is_asked_past_the_objection_of_the_host_itself() -> None:
    watched = await announced("db-0", "db-1")
    watched.bus.statuses["db-0"] = OBJECTED
    await watched.look()
    assert watched.bus.asked == ["db-0"]
    assert (await watched.record()).approval.state is ApprovalState.ASKED
    assert counted(watched) == {"objected": 1}


async def test_events_that_wait_for_their_approval_are_counted() -> None:
    watched = await announced("db-0")
    watched.bus.statuses["db-0"] = 500
    await watched.look()
    assert counted(watched) == {"refused": 1}
    assert watched.metrics.registry.get_sample_value("leeward_approvals_waiting") == 1
    watched.bus.statuses.clear()
    watched.clock.turn(TURN)
    watched.beat("db-0")
    await watched.look()
    await watched.look()
    assert watched.metrics.registry.get_sample_value("leeward_approvals_waiting") == 0


async def test_each_vm_approves_its_own_end_and_no_neighbour_does() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.bus.silent.add("db-0")
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0", type="Terminate"))
    await watched.look()
    assert watched.bus.asked == ["db-0"]
    assert (await watched.record()).approval.state is ApprovalState.ASKED


async def test_a_refused_approval_is_asked_for_again_after_a_while() -> None:
    watched = await announced("db-0")
    watched.bus.statuses = {"db-0": 400}
    await watched.look()
    await watched.look()
    assert (await watched.record()).approval.state is ApprovalState.ASKED
    watched.clock.turn(AGAIN)
    watched.bus.statuses = {}
    await watched.look()
    assert watched.bus.asked == ["db-0", "db-0"]
    assert (await watched.record()).approval.state is ApprovalState.APPROVED


async def test_only_watchers_that_list_the_event_are_asked() -> None:
    watched = await Watched("db-0", "db-1", "db-2").begin()
    watched.bus.silent = {"db-0", "db-1"}
    watched.see("db-2")
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0"))
    await watched.look()
    assert watched.bus.asked == ["db-0", "db-1"]


async def test_the_watcher_of_the_host_itself_has_its_say_before_anybody_is_asked() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-1", event("db-0"))
    watched.see("db-0")
    await watched.look()
    assert watched.bus.asked == []
    await watched.hear(TOPICS.block(HostKey("db-0"), RESPONDERS_BLOCK), encode(Block(reason="at work")))
    watched.see("db-0", event("db-0"))
    await watched.look()
    assert watched.bus.asked == []
    await watched.hear(TOPICS.block(HostKey("db-0"), RESPONDERS_BLOCK), b"")
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_a_watcher_that_is_gone_is_not_waited_for() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0")
    watched.clock.turn(MINUTE)
    watched.beat("db-1")
    watched.see("db-1", event("db-0"))
    await watched.look()
    assert watched.bus.asked == ["db-1"]


async def test_the_next_watcher_is_not_asked_once_the_event_is_cancelled() -> None:
    watched = await announced("db-0", "db-1")
    watched.bus.silent = {"db-0", "db-1"}

    def cancel() -> None:
        watched.see("db-0")
        watched.see("db-1")

    watched.bus.while_asked = cancel
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_a_block_stands_in_the_way_until_it_is_cleared_however_its_host_is_spelled() -> None:
    watched = await announced("db-0")
    topic = f"{TOPICS.prefix}/hosts/DB-0/blocks/backup"
    await watched.hear(topic, encode(Block(reason="a backup runs")))
    await watched.look()
    assert watched.bus.asked == []
    await watched.hear(topic, b"")
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_a_block_without_an_end_of_its_own_ends_with_the_event() -> None:
    watched = await announced("db-0")
    topic = TOPICS.block(HostKey("db-0"), "backup")
    await watched.hear(topic, encode(Block(reason="a backup runs")))
    await watched.hear(TOPICS.block(HostKey("db-0"), "audit"), encode(Block(reason="audit", until=NOON + 60 * MINUTE)))
    watched.see("db-0")
    await watched.look()
    assert set(watched.heard.blocks[HostKey("db-0")]) == {"audit"}
    assert topic in watched.bus.cleared


async def test_a_block_outlives_one_event_of_its_host_while_another_is_on() -> None:
    watched = await announced("db-0")
    other = event("db-0", event_id="0THER")
    await watched.hear(TOPICS.block(HostKey("db-0"), "backup"), encode(Block(reason="a backup runs")))
    watched.see("db-0", event("db-0"), other)
    watched.see("db-0", other)
    await watched.look()
    assert watched.bus.asked == []


async def test_nothing_is_asked_before_the_retained_state_of_the_bus_has_come() -> None:
    watched = await announced("db-0")
    watched.bus.is_settled = False
    await watched.look()
    assert watched.bus.asked == []


async def test_an_event_that_starts_early_without_us_was_approved_by_someone_else() -> None:
    watched = await announced("db-0", approve=Approve.NONE)
    await watched.look()
    watched.see("db-0", event("db-0", status=STARTED))
    await watched.look()
    assert (await watched.record()).approval.state is ApprovalState.FOREIGN


async def test_an_event_that_starts_at_its_time_was_approved_by_nobody() -> None:
    watched = await announced("db-0", approve=Approve.NONE)
    watched.clock.turn(15 * MINUTE)
    watched.beat("db-0")
    watched.see("db-0", event("db-0", status=STARTED))
    await watched.look()
    assert (await watched.record()).approval.state is ApprovalState.NONE


async def test_another_replicas_approval_is_not_taken_for_somebody_elses() -> None:
    ids = count()
    store = MemoryStore(lambda: f"session-{next(ids)}")
    asking, other = Watched("db-0", store=store), Watched("db-0", store=store)
    for each in (asking, other):
        each.owner = await store.register("one", NOON, LEASE)
        each.see("db-0", event("db-0"))
    other.bus.is_settled = False
    for each in (asking, other, asking, other):
        await each.look()
    assert asking.bus.asked == ["db-0"]
    other.see("db-0", event("db-0", status=STARTED))
    other.bus.is_settled = True
    await other.look()
    assert (await other.record()).approval.state is ApprovalState.APPROVED
    assert other.metrics.registry.get_sample_value("leeward_approvals_total", {"outcome": "foreign"}) == 0


async def test_one_replica_asks_and_the_other_only_when_that_one_gets_nowhere() -> None:
    watched = await announced("db-0")
    assert await watched.store.take_approval(EVENT_ID, "two", NOON, TURN)
    await watched.look()
    assert watched.bus.asked == []
    watched.clock.turn(TURN)
    watched.beat("db-0")
    await watched.look()
    assert watched.bus.asked == ["db-0"]


async def test_an_approval_that_cannot_be_recorded_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = await announced("db-0")

    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(watched.store, "record_approval", away)
        await watched.look()
    watched.clock.turn(AGAIN)
    await watched.look()
    assert (await watched.record()).approval.state is ApprovalState.APPROVED
