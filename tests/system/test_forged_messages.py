"""Real programs on the broker as it is shipped, and somebody who holds another VM's identity and forges with it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.messages import (
    ApproveCommand,
    ApproveReply,
    Drain,
    DrainState,
    HostStatus,
    Presence,
    ReplicaStatus,
    encode,
)
from shared.topics import HostKey, Topics
from tests.parts.builders import EVENT_ID, event, inventory, online, snapshot
from tests.parts.forgers import forger
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.site import ADDRESSES, Site

TOPICS = Topics()
VICTIM = HostKey("db-0")
NOW = datetime.now(UTC)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """db-0 and db-1 in pool db, on the shipped broker with certificates; a job on db-0 each second."""
    broker = ShippedBroker(tmp_path / "broker")
    async with Site(tmp_path, hosts=("db-0", "db-1"), settings={}, broker=broker).running() as running:
        await running.create_job("backup", "/backup", placement={"host": "db-0"})
        await running.targets.until_hit("/backup")
        yield running


async def all_is_well(site: Site) -> None:
    """Nothing is cordoned, nothing was approved, and the job goes on."""
    await site.targets.until_hit("/backup", ADDRESSES["db-0"], after=len(site.targets.hits))
    assert {host: (await site.host(host))["condition"] for host in site.hosts} == dict.fromkeys(site.hosts, "available")
    assert (await site.call("GET", "/events"))["value"] == []
    assert await site.approvals() == []


async def test_another_vms_identity_has_no_say_about_this_one(site: Site) -> None:
    drained = Drain(
        event_id=EVENT_ID, host="db-0", state=DrainState.DRAINED, running=0, held=0, rerouted=0, deadline=None, at=NOW
    )
    offline = HostStatus(host="db-0", session="s1", state=Presence.OFFLINE, at=NOW)
    replica = ReplicaStatus(replica="one", session="x", state=Presence.OFFLINE, at=NOW, version="0")
    approve = ApproveCommand(event_id=EVENT_ID, reason="forged", decided_by="one")
    said = {
        TOPICS.events(VICTIM): encode(snapshot("db-0", event("db-0"))),
        TOPICS.status(VICTIM): encode(offline),
        TOPICS.inventory(VICTIM): encode(inventory("db-0", "another", group="another")),
        TOPICS.drain(VICTIM, EVENT_ID): encode(drained),
        TOPICS.approve(VICTIM): encode(approve),
        TOPICS.block(VICTIM, "forged"): b'{"reason": "forged"}',
        TOPICS.scheduler_status("one"): encode(replica),
        TOPICS.reply("leeward-scheduler-one", VICTIM): encode(ApproveReply(event_id=EVENT_ID, status=200)),
        TOPICS.notice(VICTIM, "scheduled"): b"{}",
        TOPICS.execution("demo", "backup"): b"{}",
    }
    async with forger(site.broker, "web-0") as evil:
        for topic, payload in said.items():
            await evil.say_both_ways(topic, payload)
    assert evil.passed == []
    assert len(evil.refused) == 2 * len(said)
    await all_is_well(site)


async def test_a_vm_of_no_group_of_theirs_reports_about_others_in_vain_and_is_counted(site: Site) -> None:
    evil = HostKey("web-0")
    async with forger(site.broker, "web-0") as somebody:
        await somebody.say(TOPICS.inventory(evil), encode(inventory("web-0", "db", group="another")), retain=True)
        await somebody.say(TOPICS.status(evil), encode(online("web-0", at=datetime.now(UTC))), retain=True)
        await somebody.say(TOPICS.events(evil), encode(snapshot("web-0", event("db-0", "db-1"))), retain=True)
    assert somebody.refused == []

    async def is_counted() -> bool:
        return await site.metric('leeward_messages_refused_total{reason="not-entitled"}') > 0

    await site.until(is_counted)
    await site.targets.until_hit("/backup", ADDRESSES["db-0"], after=len(site.targets.hits))
    assert (await site.host("db-0"))["condition"] == "available"
    assert (await site.call("GET", "/events"))["value"] == []


async def test_the_names_that_services_show_are_of_no_use_to_take_their_connections(site: Site) -> None:
    shown = ["leeward-scheduler-one", "leeward-scheduler", "vmwatch-db-0", "db-0", "one"]
    for client_id in shown:
        async with forger(site.broker, "web-0", client_id=client_id) as thief:
            await thief.say(TOPICS.events(VICTIM), encode(snapshot("db-0", event("db-0"))))
            assert thief.refused == [TOPICS.events(VICTIM)]
    await all_is_well(site)
    assert site.scheduler.said.count("bus connected") == 1
    assert site.watchers["db-0"].said.count("bus connected") == 1


async def test_a_real_event_is_approved_over_the_guarded_broker_once_drained(site: Site) -> None:
    event_id = await site.raise_event("Reboot", "db-0")
    known = await site.until_event(event_id, lambda known: known["approval"]["state"] == "approved")
    assert known["approval"]["by"].startswith("one via db-")
    await site.until_event(event_id, lambda known: known["outcome"] == "completed")
    assert {approval["eventId"] for approval in await site.approvals()} == {event_id}


async def test_a_renewed_certificate_is_used_at_the_next_connection(site: Site) -> None:
    before = site.scheduler.said.count("bus connected")
    site.broker.settings("leeward-scheduler")  # writes a new certificate over the old one
    await site.broker.restart()
    await site.until_bus(connected=True)

    async def is_back() -> bool:
        return site.scheduler.said.count("bus connected") > before

    await site.until(is_back)
    await all_is_well(site)
    assert await site.metric("leeward_bus_connected") == 1


async def test_a_flood_from_one_identity_delays_no_job(site: Site) -> None:
    evil = HostKey("web-0")
    calm, storm = encode(snapshot("web-0")), encode(snapshot("web-0", event("web-0")))
    async with forger(site.broker, "web-0") as somebody:
        await somebody.say(TOPICS.inventory(evil), encode(inventory("web-0", group="another")))
        for batch in range(200):
            await asyncio.gather(
                *(somebody.say(TOPICS.events(evil), storm if number % 2 else calm) for number in range(50))
            )
            if batch == 0:
                began = datetime.now(UTC)
    assert len(somebody.passed) == 10_001
    await site.targets.until_hit("/backup", after=len(site.targets.hits))
    late = [(hit.at - datetime.fromisoformat(hit.due)).total_seconds() for hit in site.targets.hits if hit.at > began]
    assert late
    assert max(late) < 1.5

    async def is_counted() -> bool:
        refused = await site.metric('leeward_messages_refused_total{reason="flood"}')
        return await site.metric("leeward_messages_deferred_total") + refused > 9_900

    await site.until(is_counted)
    await all_is_well_but(site, "web-0")


async def all_is_well_but(site: Site, other: str) -> None:
    await site.until_host(lambda hosts: all(hosts[host]["condition"] == "available" for host in site.hosts))
    assert other in {host["host"] for host in (await site.call("GET", "/hosts"))["value"]}
