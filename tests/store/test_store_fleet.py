"""Events, drains, approvals and cordons."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    Cordon,
    DrainReport,
    EventOutcome,
    EventRecord,
    HostDrain,
)
from tests.parts.stored import LEASE, MINUTE, NOW, SECOND, register, rescue

_PATIENCE = timedelta(seconds=30)
_APPROVED = Approval(state=ApprovalState.APPROVED, at=NOW, by="scheduler-0", reason="drained")
_FOREIGN = Approval(state=ApprovalState.FOREIGN, at=NOW + MINUTE)


def _event(event_id: str = "C7061BAC", **changes: object) -> EventRecord:
    event = EventRecord(
        event_id=event_id,
        type="Reboot",
        status="Scheduled",
        resources=("db-0", "db-1"),
        not_before=NOW + 15 * MINUTE,
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=NOW,
        hosts={"db-0": HostDrain(drain="draining", running=1)},
    )
    return replace(event, **changes)


def _report(**changes: object) -> DrainReport:
    report = DrainReport(event_id="C7061BAC", host="db-0", running=2, held=1, rerouted=0, settled=False)
    return replace(report, **changes)


async def test_an_event_comes_back_as_it_was_put_whatever_the_case_of_its_id(store: Store) -> None:
    await store.put_event(_event(type="SolarFlare", status="Brewing"))
    assert await store.get_event("c7061bac") == _event(type="SolarFlare", status="Brewing")
    with pytest.raises(NotFoundError, match="ghost"):
        await store.get_event("ghost")


async def test_events_are_listed_last_seen_first_and_past_ones_on_request(store: Store) -> None:
    await store.put_event(_event("OLD", outcome=EventOutcome.COMPLETED, ended_at=NOW))
    await store.put_event(_event("NEWER", first_seen_at=NOW + MINUTE))
    await store.put_event(_event("NEWEST", first_seen_at=NOW + 2 * MINUTE))
    await store.put_event(_event("NEWEST", first_seen_at=NOW + 2 * MINUTE, outcome=EventOutcome.CANCELLED))
    everything = [event.event_id for event in await store.list_events(active=False, limit=10)]
    assert everything == ["NEWEST", "NEWER", "OLD"]
    assert [event.event_id for event in await store.list_events(active=True, limit=10)] == ["NEWER"]
    assert len(await store.list_events(active=False, limit=2)) == 2


async def test_an_events_approval_outlives_its_record_being_put_again(store: Store) -> None:
    await store.put_event(_event())
    await store.record_approval("c7061bac", _APPROVED)
    await store.put_event(_event(status="Started"))
    assert await store.get_event("C7061BAC") == _event(status="Started", approval=_APPROVED)


async def test_our_approval_is_never_said_to_be_somebody_elses(store: Store) -> None:
    await store.put_event(_event())
    for approval, expected in [
        (_FOREIGN, _FOREIGN),
        (Approval(state=ApprovalState.ASKED), Approval(state=ApprovalState.ASKED)),
        (_APPROVED, _APPROVED),
        (_FOREIGN, _APPROVED),
    ]:
        await store.record_approval("C7061BAC", approval)
        assert (await store.get_event("C7061BAC")).approval == expected


async def test_one_replica_wins_the_right_to_approve(store: Store) -> None:
    assert await store.take_approval("C7061BAC", "a", NOW, _PATIENCE)
    assert not await store.take_approval("c7061bac", "b", NOW, _PATIENCE)
    assert await store.take_approval("C7061BAC", "a", NOW + SECOND, _PATIENCE)
    assert await store.take_approval("OTHER", "b", NOW, _PATIENCE)


async def test_another_replica_approves_when_the_winner_gets_nowhere(store: Store) -> None:
    await store.take_approval("C7061BAC", "a", NOW, _PATIENCE)
    await store.record_approval("C7061BAC", Approval(state=ApprovalState.ASKED))
    assert not await store.take_approval("C7061BAC", "b", NOW + _PATIENCE - SECOND, _PATIENCE)
    assert await store.take_approval("C7061BAC", "b", NOW + _PATIENCE, _PATIENCE)
    assert not await store.take_approval("C7061BAC", "a", NOW + _PATIENCE, _PATIENCE)


async def test_nobody_else_approves_what_is_approved(store: Store) -> None:
    await store.take_approval("C7061BAC", "a", NOW, _PATIENCE)
    await store.record_approval("C7061BAC", _APPROVED)
    assert not await store.take_approval("C7061BAC", "b", NOW + MINUTE, _PATIENCE)


async def test_drain_reports_are_those_of_living_sessions(store: Store) -> None:
    owner = await register(store)
    await store.report_drain(owner, _report(event_id="c7061bac"))
    await store.report_drain(owner, _report(running=0, settled=True))
    await store.report_drain(owner, _report(host="db-1"))
    await store.report_drain(owner, _report(event_id="OTHER"))
    reports = await store.drain_reports("C7061BAC")
    assert reports == [(owner.session, _report(running=0, settled=True)), (owner.session, _report(host="db-1"))]
    await rescue(store, NOW + LEASE)
    assert await store.drain_reports("C7061BAC") == []


async def test_each_replica_has_a_drain_report_of_its_own(shared_store: Store) -> None:
    first, second = await register(shared_store, "a"), await register(shared_store, "b")
    for owner, running in ((first, 1), (second, 2)):
        await shared_store.report_drain(owner, _report(running=running))
    await shared_store.resign(first)
    assert await shared_store.drain_reports("C7061BAC") == [(second.session, _report(running=2))]


async def test_cordons_are_kept_until_they_are_deleted(store: Store) -> None:
    cordon = Cordon(host="db-0", reason="disk", by="operator", since=NOW, until=NOW + MINUTE)
    await store.put_cordon(Cordon(host="web-0", reason="", by="operator", since=NOW))
    await store.put_cordon(replace(cordon, reason="fan"))
    await store.put_cordon(cordon)
    assert [one.host for one in await store.list_cordons()] == ["db-0", "web-0"]
    assert (await store.list_cordons())[0] == cordon
    assert await store.delete_cordon("db-0")
    assert not await store.delete_cordon("db-0")
    assert [one.host for one in await store.list_cordons()] == ["web-0"]
