"""What the watcher tells Home Assistant, and what that makes of Leeward's recorded messages, in real Jinja."""

import itertools
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.home_assistant.announcer import BIRTH, announce, config_topic
from services.vmwatch.home_assistant.device import describe
from services.vmwatch.settings import Settings
from shared.bus import Delivery, Handler
from shared.bus.publications import PAYLOAD_LIMIT
from shared.messages import Event, EventSnapshot, encode
from shared.settings import SettingsError, load
from shared.topics import Topics, host_key
from tests.parts.asyncapi import recorded
from tests.parts.home_assistant import UNKNOWN, Shown
from tests.parts.watching import NOON

SHOWN = Shown(encode(describe("DB-0", Topics(), "1.2.3")))


def message(name: str, label: str) -> bytes:
    """Return a message that was recorded from a real run."""
    return next(msgspec.json.encode(each["payload"]) for each in recorded()[name] if each["name"] == label)


def snapshot(*events: Event) -> bytes:
    return encode(
        EventSnapshot(host="db-0", session="s", sequence=1, incarnation=1, observed_at=NOON, events=tuple(events))
    )


def event(type_: str, *resources: str, status: str = "Scheduled", minutes: int | None = 15) -> Event:
    not_before = None if minutes is None else NOON + timedelta(minutes=minutes)
    return Event(event_id=type_, type=type_, status=status, resources=resources, not_before=not_before)


def test_a_calm_host_has_nothing_announced() -> None:
    calm = message("EventSnapshot", "calm")
    assert SHOWN.value("maintenance", calm) == "OFF"
    assert SHOWN.value("next_event", calm) == "calm"
    assert SHOWN.value("not_before", calm) == UNKNOWN
    assert SHOWN.details("next_event", calm) == {}


def test_an_announced_event_is_shown_with_its_type_time_and_all_that_is_known() -> None:
    announced = message("EventSnapshot", "announced")
    assert SHOWN.value("maintenance", announced) == "ON"
    assert SHOWN.value("next_event", announced) == "Reboot"
    assert SHOWN.value("not_before", announced) == "2026-11-22T09:23:17Z"
    assert SHOWN.details("next_event", announced) == msgspec.json.decode(announced)["events"][0]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (event("Freeze", "db-1", "db-00"), "a neighbour's, which the whole group sees"),
        (event("SpotRebalanceRecommendation", "db-0", status="Advisory"), "advice"),
    ],
)
def test_what_is_not_the_hosts_own_event_announces_nothing(other: Event, why: str) -> None:
    assert SHOWN.value("maintenance", snapshot(other)) == "OFF", why
    assert SHOWN.value("next_event", snapshot(other, event("Reboot", "DB-0"))) == "Reboot"


def orders() -> Iterator[tuple[Event, ...]]:
    events = [
        event("Reboot", "db-0", status="Started", minutes=None),
        event("Freeze", "db-0", minutes=5),
        event("Redeploy", "db-0", minutes=15),
        event("Preempt", "db-0", minutes=None),
    ]
    for several in itertools.permutations(events):
        for count in range(1, len(events) + 1):
            yield several[:count]


def test_the_next_event_is_the_one_that_is_on_then_the_soonest_in_any_order() -> None:
    rank = ["Reboot", "Freeze", "Redeploy", "Preempt"]
    for several in orders():
        first = min((each.type for each in several), key=rank.index)
        assert SHOWN.value("next_event", snapshot(*several)) == first


def test_a_drain_is_shown_until_its_topic_is_cleared() -> None:
    assert SHOWN.value("drain", message("Drain", "draining")) == "draining"
    assert SHOWN.details("drain", message("Drain", "drained"))["running"] == 0
    assert SHOWN.value("drain", b"") == UNKNOWN
    assert SHOWN.details("drain", b"") == {}


def test_the_watcher_says_how_far_the_rest_may_be_relied_on() -> None:
    online, offline = message("HostStatus", "online"), message("HostStatus", "offline")
    assert (SHOWN.value("watcher", online), SHOWN.value("watcher", offline)) == ("ON", "OFF")
    assert (SHOWN.value("polls", online), SHOWN.value("metadata", online)) == ("OFF", "waiting")
    assert SHOWN.value("metadata", offline) == UNKNOWN
    heartbeat = SHOWN.config["availability"][0]
    shown = Shown(msgspec.json.encode({"components": {"status": heartbeat}}))
    assert shown.value("status", online) == heartbeat["payload_available"]
    assert shown.value("status", offline) == heartbeat["payload_not_available"]


def test_every_entity_reads_leewards_own_topics_of_this_host_and_has_a_name_of_its_own() -> None:
    topics = Topics("site/leeward")
    shown = Shown(encode(describe("a b", topics, "1")))
    for entity in shown.entities.values():
        levels = topics.parse(entity["state_topic"])
        assert levels is not None
        assert levels[:2] == ("hosts", "a%20b")
    assert len({entity["unique_id"] for entity in shown.entities.values()}) == len(shown.entities)
    assert shown.config["device"]["name"] == "a b"


def test_signs_that_home_assistant_does_not_take_are_spelled_otherwise() -> None:
    assert config_topic("homeassistant", host_key("web_0-a")) == "homeassistant/device/web_0-a/leeward/config"
    assert config_topic("ha/b", host_key("a.b")) == "ha/b/device/aX2Eb/leeward/config"


@given(st.lists(st.text(".%_-aXx2eE/ü", min_size=1, max_size=6), min_size=2, max_size=2))
def test_no_two_hosts_share_a_device(names: list[str]) -> None:
    first, second = (config_topic("homeassistant", host_key(name)) for name in names)
    assert (first == second) == (host_key(names[0]) == host_key(names[1]))


def test_the_longest_name_makes_a_message_that_the_bus_takes() -> None:
    assert len(encode(describe("%" * 1024, Topics(), "1"))) < PAYLOAD_LIMIT


class Line:
    """A bus that remembers."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.handlers: dict[str, Handler] = {}

    def keep(self, topic: str, payload: bytes) -> None:
        """Remember retained state."""
        self.kept.append(topic)
        assert payload

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Remember who listens."""
        self.handlers[topic_filter] = handler


async def test_the_device_is_told_again_when_home_assistant_starts_and_not_as_often_as_somebody_likes() -> None:
    line = Line()
    announce("homeassistant", host="db-0", topics=Topics(), bus=line)
    hear = line.handlers["homeassistant/status"]
    assert len(line.kept) == 1
    await hear(Delivery(topic="homeassistant/status", payload=b"offline", retained=False))
    await hear(Delivery(topic="homeassistant/status", payload=BIRTH, retained=True))
    assert len(line.kept) == 1
    for _ in range(5):
        await hear(Delivery(topic="homeassistant/status", payload=BIRTH, retained=False))
    assert line.kept == ["homeassistant/device/db-0/leeward/config"] * 2


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"HOME_ASSISTANT_PREFIX": "home/+"}, "without + #"),
        ({"HOME_ASSISTANT_PREFIX": "leeward/v1/ha"}, "apart from topic_prefix"),
        ({"HOME_ASSISTANT_PREFIX": "leeward"}, "apart from topic_prefix"),
        ({"HOME_ASSISTANT_PREFIX": "homeassistant", "IMDS_URL": "none"}, "leave it out with imds_url=none"),
    ],
)
def test_a_prefix_that_cannot_work_is_refused(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match="home_assistant_prefix") as raised:
        load(Settings, {f"LEEWARD_{name}": value for name, value in settings.items()})
    assert fault in str(raised.value)


def test_without_a_prefix_nothing_is_told() -> None:
    assert load(Settings, {}).home_assistant_prefix is None
    assert not load(Settings, {"LEEWARD_HOME_ASSISTANT_PREFIX": ""}).home_assistant_prefix
