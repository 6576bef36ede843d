"""How replicas share out what a host may have running, and what a VM's tag may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.scheduler.domain.capacity import share_of, tagged_capacity
from services.scheduler.fleet.capacities import Capacities
from tests.parts.builders import inventory

SESSIONS = st.lists(st.text(min_size=1, max_size=4), unique=True, min_size=1, max_size=8)


@given(st.integers(1, 1000), SESSIONS)
def test_the_shares_of_all_replicas_are_the_capacity_and_nobody_has_two_more_than_another(
    capacity: int, sessions: list[str]
) -> None:
    shares = [share_of(capacity, sessions, own) for own in sessions]
    assert sum(shares) == capacity
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(st.integers(1, 1000), SESSIONS)
def test_a_session_that_nobody_has_registered_may_start_nothing(capacity: int, sessions: list[str]) -> None:
    assert share_of(capacity, sessions, "somebody else") == 0


@pytest.mark.parametrize(
    ("tags", "found"), [({}, None), ({"Leeward-Capacity": " 4 "}, 4), ({"leeward-pools": "a"}, None)]
)
def test_a_vms_tag_says_what_it_may_have(tags: dict[str, str], found: int | None) -> None:
    assert tagged_capacity(tags) == found


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many", "", "٣", "9" * 40])
def test_a_tag_that_is_no_positive_whole_number_is_told_once_and_the_setting_counts(text: str) -> None:
    capacities, tagged = Capacities(6), inventory("db-0", tags={"leeward-capacity": text})
    with capture_logs() as logs:
        shares = [capacities.share(tagged) for _ in range(3)]
    assert shares == [6, 6, 6]
    assert [entry["event"] for entry in logs] == ["capacity of a host ignored"]


def test_without_a_setting_and_a_tag_a_host_may_have_any_number() -> None:
    capacities = Capacities(0)
    assert capacities.share(inventory("db-0")) is None
    assert capacities.share(inventory("db-0", tags={"leeward-capacity": "3"})) == 3


def test_a_share_changes_when_replicas_come_and_go() -> None:
    capacities = Capacities(3)
    told = [capacities.divide(["a"], "a"), capacities.divide(["a", "b"], "a"), capacities.divide(["a", "b"], "a")]
    assert (told, capacities.share(inventory("db-0"))) == ([True, True, False], 2)
    capacities.divide(["b"], "a")
    assert capacities.share(inventory("db-0")) == 0
