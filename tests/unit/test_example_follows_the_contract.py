"""docs/examples/follow_hosts.py keeps the bus's rules, on messages in any order and at any time."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from follow_hosts import FRESH_SECONDS, Fleet

from tests.parts.asyncapi import recorded

Json = dict[str, object]
NOW = datetime.now(UTC)
SOON, LONG_AGO = NOW + timedelta(minutes=15), NOW - timedelta(hours=2)


class Watch:
    """A fleet, and the seconds that have passed for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fleet = Fleet(clock=lambda: self.now)

    def say(self, host: str, leaf: str, payload: Json | None) -> None:
        """Let a message arrive; None clears its topic."""
        self.fleet.take(host, leaf, b"" if payload is None else msgspec.json.encode(payload))

    def of(self, host: str) -> str:
        """Return what is said of a host."""
        return self.fleet.conditions()[host]

    def online(self, *hosts: str, group: str = "fleet") -> None:
        """Have watchers live, as members of one group."""
        for host in hosts:
            self.say(host, "inventory", {"host": host, "group": group})
            self.say(host, "status", status(host))
            self.say(host, "events", snapshot(sequence=0))


def status(host: str, *, state: str = "online", session: str = "one") -> Json:
    return {"host": host, "session": session, "state": state}


def event(*resources: str, not_before: datetime = SOON, status: str = "Scheduled") -> Json:
    return {
        "eventId": "A",
        "type": "Reboot",
        "status": status,
        "resources": resources,
        "notBefore": not_before,
        "durationSeconds": 9,
    }


def snapshot(*events: Json, sequence: int = 1, session: str = "one", ended: tuple[str, ...] = ()) -> Json:
    gone = [{"eventId": each} for each in ended]
    return {"session": session, "sequence": sequence, "observedAt": NOW, "events": events, "ended": gone}


def test_recorded_messages_are_understood_in_any_order() -> None:
    said = [
        ("status", recorded()["HostStatus"][0]["payload"]),
        ("inventory", recorded()["Inventory"][0]["payload"]),
        ("events", recorded()["EventSnapshot"][1]["payload"]),
        ("drains/C7061BAC", recorded()["Drain"][0]["payload"]),
    ]
    for order in itertools.permutations(said):
        watch = Watch()
        for leaf, payload in (*order, *order):
            watch.say("db-0", leaf, payload)
        assert watch.of("db-0") == (
            "threatened: Reboot Scheduled, not before 2026-11-22 09:23:17+00:00; draining, 1 running"
        )


def test_an_older_snapshot_of_a_session_is_ignored_and_a_new_session_starts_anew() -> None:
    watch = Watch()
    watch.online("db-0")
    watch.say("db-0", "events", snapshot(event("DB-0"), sequence=5))
    watch.say("db-0", "events", snapshot(sequence=4))
    assert watch.of("db-0").startswith("threatened")
    watch.say("db-0", "events", snapshot(sequence=1, session="two"))
    assert watch.of("db-0") == "calm"


def test_a_late_will_of_an_earlier_life_says_nothing() -> None:
    watch = Watch()
    watch.online("db-0")
    watch.say("db-0", "status", status("db-0", state="offline", session="before"))
    assert watch.of("db-0") == "calm"
    watch.say("db-0", "status", status("db-0", state="offline"))
    assert watch.of("db-0") == "calm, and its watcher is away"


def test_a_silent_watcher_does_not_mean_no_events() -> None:
    watch = Watch()
    watch.online("db-0")
    watch.say("db-0", "events", snapshot(event("db-0")))
    watch.now += FRESH_SECONDS + 1
    assert watch.of("db-0").startswith("threatened")


def test_when_its_time_is_over_and_nobody_is_left_the_host_is_silent() -> None:
    watch = Watch()
    watch.online("db-0")
    watch.say("db-0", "events", snapshot(event("db-0", not_before=LONG_AGO)))
    assert watch.of("db-0").startswith("threatened")
    watch.now += FRESH_SECONDS + 1
    assert watch.of("db-0") == "silent"


def test_a_neighbour_of_the_group_sees_an_event_through_for_a_host_that_is_gone() -> None:
    watch = Watch()
    watch.online("db-0", "db-1")
    for host in ("db-0", "db-1"):
        watch.say(host, "events", snapshot(event("db-0")))
    watch.say("db-0", "status", status("db-0", state="offline"))
    assert watch.of("db-0").startswith("threatened")
    assert watch.of("db-1") == "calm"
    watch.say("db-1", "events", snapshot(sequence=2))
    assert watch.of("db-0") == "calm, and its watcher is away"


@pytest.mark.parametrize("group", ["", "other"])
def test_a_stranger_is_not_believed(group: str) -> None:
    watch = Watch()
    watch.online("db-0")
    watch.online("web-0", group=group)
    watch.say("web-0", "events", snapshot(event("db-0")))
    assert watch.of("db-0") == "calm"


def test_what_is_over_for_certain_is_over_whoever_still_lists_it() -> None:
    watch = Watch()
    watch.online("db-0", "db-1")
    watch.say("db-0", "events", snapshot(event("db-0")))
    watch.say("db-1", "events", snapshot(ended=("A",)))
    assert watch.of("db-0") == "calm"


def test_advice_threatens_nobody_and_a_cleared_drain_is_gone() -> None:
    watch = Watch()
    watch.online("db-0")
    watch.say("db-0", "events", snapshot(event("db-0", status="Advisory")))
    assert watch.of("db-0") == "calm"
    watch.say("db-0", "events", snapshot(event("db-0"), sequence=2))
    watch.say("db-0", "drains/A", {"state": "drained", "running": 0})
    assert watch.of("db-0").endswith("drained, 0 running")
    watch.say("db-0", "drains/A", None)
    assert not watch.of("db-0").endswith("drained, 0 running")


def test_what_is_no_message_is_refused_and_changes_nothing() -> None:
    watch = Watch()
    watch.online("db-0")
    with pytest.raises(msgspec.DecodeError):
        watch.fleet.take("db-0", "events", b'{"session": 1}')
    assert watch.of("db-0") == "calm"


def test_a_watcher_that_has_read_nothing_yet_does_not_mean_calm_and_a_host_that_is_taken_back_is_gone() -> None:
    watch = Watch()
    watch.say("db-0", "status", status("db-0"))
    assert watch.of("db-0").startswith("unknown")
    watch.say("db-0", "status", None)
    assert watch.fleet.conditions() == {}
