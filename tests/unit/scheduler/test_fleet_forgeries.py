"""What a watcher says that is not true, on a broker that lets it: for whom it may speak, how much, and how often."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.domain.groups import read_groups
from services.scheduler.domain.hosts import HostCondition
from services.scheduler.fleet.bounds import Bounds
from services.scheduler.fleet.room import EVENTS_LIMIT
from shared.messages import Event, MessageRefusedError, Refusal, encode
from shared.topics import HostKey, host_key
from tests.parts.builders import EVENT_ID, event, inventory, online, snapshot
from tests.parts.fleets import TOPICS, Watched

EVIL = HostKey("evil-0")


async def says(watched: Watched, host: str, *events: Event, sequence: int = 1) -> None:
    """Have a host's snapshot come in from the bus, and be looked at."""
    await watched.hear(TOPICS.events(host_key(host)), encode(snapshot(host, *events, sequence=sequence)))


async def joins(watched: Watched, host: str, group: str) -> None:
    """Have a host come in from the bus, online, and say that it is of a group."""
    await watched.hear(TOPICS.inventory(host_key(host)), encode(inventory(host, "db", group=group)))
    await watched.hear(TOPICS.status(host_key(host)), encode(online(host)))


def conditions(watched: Watched) -> dict[str, HostCondition]:
    watched.fleet.refresh()
    return {report.host: report.condition for report in watched.fleet.reports()}


async def test_a_report_about_hosts_of_another_group_has_no_effect_and_is_counted() -> None:
    watched = Watched("db-0", "db-1")
    await joins(watched, "evil-0", "elsewhere")
    await says(watched, "evil-0", event("db-0", "db-1"))
    assert set(conditions(watched).values()) == {HostCondition.AVAILABLE}
    assert watched.fleet.active_events() == []
    assert watched.refused == [Refusal.NOT_ENTITLED]


async def test_a_report_from_who_has_no_inventory_has_no_effect_and_is_counted() -> None:
    watched = Watched("db-0")
    await watched.hear(TOPICS.status(EVIL), encode(online("evil-0")))
    await says(watched, "evil-0", event("db-0"))
    assert watched.fleet.active_events() == []
    assert watched.refused == [Refusal.NOT_ENTITLED]


async def test_a_host_that_only_says_it_is_of_the_group_is_not_believed_where_the_operator_lists_it() -> None:
    watched = Watched("db-0", "db-1", groups=("fleet=db-*",))
    await joins(watched, "evil-0", "fleet")
    await says(watched, "evil-0", event("db-0", "db-1"))
    assert watched.fleet.active_events() == []
    assert watched.refused == [Refusal.NOT_ENTITLED]
    await says(watched, "db-1", event("db-0"))
    assert conditions(watched)["db-0"] is HostCondition.CORDONED


async def test_where_groups_are_listed_a_host_still_speaks_for_itself() -> None:
    watched = Watched("db-0", "web-0", groups=("fleet=db-*",))
    await says(watched, "web-0", event("web-0", "db-0"))
    assert conditions(watched) == {"db-0": HostCondition.AVAILABLE, "web-0": HostCondition.CORDONED}


def test_groups_are_compared_as_azure_compares_names() -> None:
    groups = read_groups(("/subscriptions/A=b/Fleet=DB-?",))
    assert groups.admits("/SUBSCRIPTIONS/a=b/fleet", HostKey("db-1"))
    assert not groups.admits("/subscriptions/a=b/fleet", HostKey("db-10"))
    assert not groups.admits("another", HostKey("db-1"))
    assert read_groups(()).admits("any", EVIL)


@pytest.mark.parametrize("entry", ["", "fleet", "=db-*", "fleet="])
def test_an_entry_that_lists_no_group_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="write group=host names"):
        read_groups((entry,))


async def test_a_member_of_the_group_that_lies_takes_no_more_than_the_share_however_many_events_it_invents() -> None:
    hosts = [f"db-{number}" for number in range(8)]
    watched = Watched(*hosts, bounds=Bounds(pool_share=0.25))
    lies = [event(host, event_id=f"LIE-{host}") for host in hosts[1:]]
    await says(watched, "db-0", *lies)
    assert sum(condition is not HostCondition.AVAILABLE for condition in conditions(watched).values()) == 2
    assert watched.spared == ["share"] * 5


async def test_someone_elses_will_and_inventory_are_refused() -> None:
    watched = Watched("db-0")
    for topic in (TOPICS.status(EVIL), TOPICS.inventory(EVIL), TOPICS.events(EVIL)):
        kind = topic.rpartition("/")[2]
        words = {"status": online("db-0"), "inventory": inventory("db-0"), "events": snapshot("db-0")}[kind]
        with pytest.raises(MessageRefusedError, match="names host"):
            await watched.hear(topic, encode(words))
    assert conditions(watched) == {"db-0": HostCondition.AVAILABLE}


@pytest.mark.parametrize("level", ["DB-0", "db%2D0", "db%2d0", "%64b-0", "db-0 ", "db-0%00", "dЬ-0", ""])
async def test_a_topic_that_only_looks_like_a_hosts_is_refused(level: str) -> None:
    watched = Watched("db-0")
    with pytest.raises(MessageRefusedError):
        await watched.hear(f"leeward/v1/hosts/{level}/events", encode(snapshot("db-0", event("db-0"))))
    assert conditions(watched) == {"db-0": HostCondition.AVAILABLE}


async def test_a_replayed_session_changes_nothing() -> None:
    watched = Watched("db-0")
    await says(watched, "db-0", event("db-0"), sequence=5)
    await says(watched, "db-0", sequence=6)
    for sequence in (5, 1, 5):
        await says(watched, "db-0", event("db-0"), sequence=sequence)
    assert watched.fleet.active_events() == []


@pytest.mark.parametrize("year", [1, 1970, 9999])
async def test_a_time_far_away_neither_keeps_a_watcher_fresh_nor_stops_the_fleet(year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    watched = await Watched("db-0").begin()
    await watched.hear(TOPICS.status(HostKey("db-0")), encode(online("db-0", at=at)), retained=True)
    await says(watched, "db-0", event("db-0", not_before=at, first_seen_at=at))
    await watched.look()
    watched.clock.turn(timedelta(minutes=1))
    assert not watched.heard.is_online(HostKey("db-0"), watched.clock.now())
    await watched.look()


async def test_an_event_with_countless_hosts_is_believed_for_the_one_it_may_speak_of() -> None:
    watched = await Watched("db-0").begin()
    await says(watched, "db-0", event("db-0", *(f"invented-{number}" for number in range(10_000))))
    await watched.look()
    assert list((await watched.record()).hosts) == ["db-0"]


async def test_more_events_than_there_can_be_are_refused() -> None:
    watched = Watched("db-0")
    many = [event("db-0", event_id=f"E{number}") for number in range(EVENTS_LIMIT + 1)]
    with pytest.raises(MessageRefusedError) as refused:
        await says(watched, "db-0", *many)
    assert refused.value.reason is Refusal.FLOOD


async def test_events_invented_one_after_the_other_fill_no_store() -> None:
    watched, refused = Watched("db-0"), 0
    for number in range(3 * EVENTS_LIMIT):
        try:
            await says(watched, "db-0", event("db-0", event_id=f"E{number}"), sequence=number)
        except MessageRefusedError:
            refused += 1
    assert refused == 2 * EVENTS_LIMIT


async def test_a_host_that_talks_all_the_time_is_looked_at_once_a_second() -> None:
    watched = Watched("db-0", "db-1")
    looks: list[bool] = []
    watched.fleet.on_change(lambda: looks.append(True))
    for number in range(1000):
        await says(watched, "db-1", *([event("db-1")] if number % 2 else []), sequence=number)
        _ = watched.fleet.views
    assert len(looks) <= 25
    assert len(watched.deferred) >= 975
    await says(watched, "db-0", event("db-0", event_id="REAL"))
    assert conditions(watched)["db-0"] is HostCondition.CORDONED


async def test_a_hundred_thousand_invented_hosts_take_a_bounded_room_and_leave_it_to_real_ones() -> None:
    watched = Watched("db-0")
    refusals: set[Refusal] = set()
    for number in range(100_000):
        topic, payload = TOPICS.inventory(HostKey(f"x-{number}")), b'{"host": "x-%d", "pools": ["db"]}' % number
        try:
            await watched.hear(topic, payload)
        except MessageRefusedError as fault:
            refusals.add(fault.reason)
    assert refusals == {Refusal.FLOOD}
    assert len(watched.heard.inventories) < 35_000
    watched.clock.turn(timedelta(minutes=2))
    watched.beat("db-0")
    await joins(watched, "db-1", "fleet")
    assert set(watched.heard.inventories) == {"db-0", "db-1"}


async def test_a_block_with_a_name_for_each_day_of_a_thousand_years_takes_a_bounded_room() -> None:
    watched = Watched("db-0")
    reason = "x" * 100_000
    refused = 0
    for number in range(2000):
        try:
            await watched.hear(TOPICS.block(HostKey("db-0"), f"b{number}"), json.dumps({"reason": reason}).encode())
        except MessageRefusedError:
            refused += 1
    assert refused > 500
    await watched.hear(TOPICS.block(HostKey("db-0"), "b0"), b"")
    await watched.hear(TOPICS.block(HostKey("db-0"), "late"), encode_block(reason))
    assert "late" in watched.heard.blocks[HostKey("db-0")]


def encode_block(reason: str) -> bytes:
    return json.dumps({"reason": reason}).encode()


async def test_a_watcher_that_answers_about_another_event_has_approved_nothing() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.bus.answers_about = "ANOTHER"
    watched.see("db-0", event("db-0"))
    await watched.look()
    await watched.look()
    assert watched.bus.asked
    assert (await watched.record(EVENT_ID)).approval.state == "asked"
