"""Messages that no sound watcher sends: refused, and never able to stop the fleet from being looked at."""

import json
from typing import Any

import pytest

from shared.messages import MessageRefusedError, encode
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, event, inventory, online, snapshot
from tests.parts.fleets import TOPICS, Watched

DB_0 = HostKey("db-0")


def raw(**changes: Any) -> bytes:
    """A snapshot of db-0 with one event, changed as no type would allow."""
    document = json.loads(encode(snapshot("db-0", event("db-0"))))
    document["events"][0] |= changes
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[" * 100_000,
        raw(notBefore="2026-03-02T12:00:00"),
        raw(eventId="a/b"),
        raw(eventId="#"),
        raw(eventId=""),
        raw(resources="db-0"),
        encode(snapshot("db-1")),
    ],
    ids=["torn", "deep", "time without offset", "slash", "wildcard", "no id", "wrong type", "another host's"],
)
async def test_a_snapshot_that_cannot_be_right_is_refused_whole(payload: bytes) -> None:
    watched = Watched("db-0")
    with pytest.raises(MessageRefusedError):
        await watched.hear(TOPICS.events(DB_0), payload)
    assert watched.fleet.active_events() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"notBefore": "9999-12-31T23:59:59Z", "durationSeconds": 10**15},
        {"notBefore": "0001-01-01T00:00:00Z", "durationSeconds": -(10**15)},
        {"resources": ["", "db-0"]},
        {"type": "", "status": "Scheduled", "description": "x" * 10_000},
    ],
    ids=["far future", "far past", "an empty name", "odd texts"],
)
async def test_an_odd_event_keeps_nothing_from_being_looked_at(changes: dict[str, Any]) -> None:
    watched = await Watched("db-0").begin()
    await watched.hear(TOPICS.events(DB_0), raw(**changes))
    await watched.look()
    watched.heard.statuses.clear()
    watched.fleet.refresh()
    await watched.look()
    assert (await watched.record()).event_id == EVENT_ID


async def test_a_block_with_a_time_without_offset_is_refused() -> None:
    watched = Watched("db-0")
    with pytest.raises(MessageRefusedError):
        await watched.hear(TOPICS.block(DB_0, "backup"), b'{"reason": "r", "until": "2026-03-02T12:00:00"}')
    assert watched.heard.blocks == {}


async def test_a_block_of_a_host_that_nobody_has_reported_is_kept_until_it_is() -> None:
    watched = Watched()
    await watched.hear(TOPICS.block(DB_0, "backup"), b'{"reason": "r"}')
    assert list(watched.heard.blocks) == ["db-0"]


async def test_what_a_drain_names_in_its_payload_is_never_made_a_topic() -> None:
    watched = await Watched("db-0").begin()
    payload = b'{"eventId":"#","host":"db-0","state":"draining","running":0,"held":0,"rerouted":0,"deadline":null,'
    await watched.hear(TOPICS.drain(DB_0, "0LD"), payload + b'"at":"2026-03-02T12:00:00Z"}')
    assert watched.bus.cleared == [TOPICS.drain(DB_0, "0LD")]


async def test_ids_are_one_event_however_they_are_spelled() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0", event("db-0", event_id=EVENT_ID.lower()))
    watched.see("db-1", event("db-0"))
    assert [known.record.event_id for known in watched.fleet.active_events()] == [EVENT_ID]
    watched.see("db-0")
    watched.see("db-1")
    assert watched.fleet.active_events() == []


async def test_state_that_a_third_party_empties_is_unknown_and_changes_nothing() -> None:
    watched = Watched("db-0")
    watched.see("db-0", event("db-0"))
    for topic in (TOPICS.status(DB_0), TOPICS.inventory(DB_0), TOPICS.events(DB_0)):
        await watched.hear(topic, b"")
    watched.fleet.refresh()
    assert watched.fleet.active(EVENT_ID) is not None


async def test_heartbeats_and_known_inventories_cost_no_merge() -> None:
    watched = Watched("db-0")
    watched.fleet.refresh()
    merges: list[None] = []
    watched.fleet.on_change(lambda: merges.append(None))
    await watched.hear(TOPICS.status(DB_0), encode(online("db-0", at=watched.clock.now())))
    await watched.hear(TOPICS.inventory(DB_0), encode(inventory("db-0", "db")))
    assert list(watched.fleet.views) == ["db-0"]
    assert merges == []
