"""Which of several hosts an occurrence runs on: spread, the same one, or any; kinship, room and warmth."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.choosing import Blocked, Choice, Found, Kin, Load, choose
from services.scheduler.domain.decisions import LISTED, Standing
from services.scheduler.domain.hosts import COLDEST, HostView
from services.scheduler.domain.policies import HostChoice
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, host, threat

MINUTE = timedelta(minutes=1)
MANY = 4_000


def idle(_: HostKey) -> tuple[int, float]:
    return 0, 0.0


def choice(policy: HostChoice = HostChoice.SPREAD, *, load: Load = idle, **more: object) -> Choice:
    fields: dict[str, object] = {"uid": "uid", "occurrence": "o", "now": NOON}
    return Choice(policy=policy, load=load, **{**fields, **more})  # type: ignore[arg-type]


def hosts(count: int) -> list[HostView]:
    return [host(f"db-{number}") for number in range(count)]


def chosen(among: list[HostView], how: Choice, *blocked: HostView) -> str:
    found = choose(among, blocking(*blocked), how)
    assert found.host is not None
    return found.host.name


def blocking(*hit: HostView) -> dict[HostKey, Blocked]:
    return {each.key: Blocked(each, each.threats[0]) for each in hit}


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ({"db-0": (0, 0.0), "db-1": (0, 0.0)}, "db-0"),
        ({"db-0": (1, 0.0), "db-1": (0, 9.0)}, "db-1"),
        ({"db-0": (2, 5.0), "db-1": (2, 4.0)}, "db-1"),
    ],
    ids=["all alike: by name", "the fewest running", "then the one not used for longest"],
)
def test_spread_prefers_the_least_busy(loads: dict[str, tuple[int, float]], expected: str) -> None:
    assert chosen(hosts(2), choice(load=lambda key: loads[key])) == expected


def test_a_sticky_job_stays_on_one_host_whatever_runs_there_and_whoever_is_asked_first() -> None:
    among = hosts(5)
    first = chosen(among, choice(HostChoice.STICKY))
    assert chosen(among[::-1], choice(HostChoice.STICKY, occurrence="p", load=lambda _: (9, 9.0))) == first


def test_of_sticky_jobs_only_those_of_a_removed_host_move_and_they_spread() -> None:
    among, how = hosts(5), [choice(HostChoice.STICKY, uid=str(number)) for number in range(1_000)]
    before = [chosen(among, each) for each in how]
    after = [chosen(among[1:], each) for each in how]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert {old for old, new in zip(before, after, strict=True) if old != new} == {"db-0"}
    assert len(moved) == before.count("db-0")
    assert set(moved) == {"db-1", "db-2", "db-3", "db-4"}


@pytest.mark.parametrize("policy", [HostChoice.STICKY, HostChoice.RANDOM])
def test_what_looks_drawn_by_chance_is_evenly_spread(policy: HostChoice) -> None:
    seeds = map(str, range(MANY))
    counts = Counter(chosen(hosts(8), choice(policy, uid=seed, occurrence=seed)) for seed in seeds)
    assert all(abs(count - MANY / 8) < 0.2 * MANY / 8 for count in counts.values())


def test_random_draws_for_each_occurrence_anew_and_alike_on_every_replica() -> None:
    among = hosts(8)
    drawn = [chosen(among, choice(HostChoice.RANDOM, occurrence=str(number))) for number in range(50)]
    again = [chosen(among, choice(HostChoice.RANDOM, occurrence=str(number), uid="x")) for number in range(50)]
    assert drawn == again
    assert len(set(drawn)) > 4


HIT = host("db-0", threat("db-0", "db-1"), fault_domain="1", update_domain="1", zone="1", scale_set="a")
APART: dict[str, Any] = {"fault_domain": "2", "update_domain": "2", "zone": "2", "scale_set": "b"}
KINSHIP = [
    ("same event", host("db-1", **APART)),
    ("same fault domain", host("db-2", **{**APART, "fault_domain": "1", "scale_set": "a"})),
    ("same update domain", host("db-3", **{**APART, "update_domain": "1", "scale_set": "a"})),
    ("same zone", host("db-4", **{**APART, "zone": "1"})),
    ("same scale set", host("db-5", **{**APART, "scale_set": "a"})),
    ("a stranger", host("db-6", **APART)),
]


@pytest.mark.parametrize(
    ("closer", "farther"), list(pairwise(each for _, each in KINSHIP)), ids=[name for name, _ in KINSHIP[:-1]]
)
@pytest.mark.parametrize("policy", list(HostChoice))
def test_the_closer_kin_of_a_threatened_host_is_chosen_later(
    closer: HostView, farther: HostView, policy: HostChoice
) -> None:
    busy = choice(policy, load=lambda key: (9, 9.0) if key == farther.key else (0, 0.0))
    for among in ([closer, farther], [farther, closer]):
        assert chosen(among, busy, HIT) == farther.name


def test_one_close_kinship_weighs_more_than_all_the_looser_ones_together() -> None:
    close = host("db-1", **APART)
    loose = host("db-2", fault_domain="1", update_domain="1", zone="1", scale_set="a")
    assert chosen([close, loose], choice(), HIT) == "db-2"


@pytest.mark.parametrize("of", ["fault_domain", "update_domain"])
def test_domains_of_another_scale_set_are_no_kin(of: str) -> None:
    namesake = host("db-7", **{**APART, of: "1"})
    assert not any(Kin(blocking(HIT).values()).of(namesake))


def test_hosts_that_say_nothing_of_where_they_stand_are_nobodys_kin() -> None:
    silent = host("db-0", threat("db-0"))
    assert not any(Kin(blocking(silent).values()).of(host("db-1")))
    assert Kin([]).of(host("db-1")) == ()


def test_a_full_host_is_passed_over_and_the_next_one_taken() -> None:
    among = [host("db-0", capacity=2), host("db-1", capacity=3)]
    load = {"db-0": (2, 0.0), "db-1": (2, 0.0)}
    assert chosen(among, choice(load=lambda key: load[key])) == "db-1"


def test_when_all_free_hosts_are_full_the_one_that_would_do_is_named() -> None:
    among = [host("db-0", capacity=2), host("db-1", capacity=1), HIT]
    found = choose(among, blocking(HIT), choice(load=lambda key: (2, 0.0) if key == "db-0" else (1, 0.0)))
    assert (found.host, found.full) == (None, among[1])


def test_when_every_host_is_threatened_none_is_named() -> None:
    found = choose([HIT], blocking(HIT), choice())
    assert (found.host, found.full, found.considered) == (None, None, 1)


@pytest.mark.parametrize(
    ("after", "share"), [(-1, COLDEST), (0, COLDEST), (0.25, 0.25), (0.5, 0.5), (0.9, 0.9), (1, 1.0), (5, 1.0)]
)
def test_the_share_of_a_host_that_is_back_grows_with_the_time(after: float, share: float) -> None:
    back = host("db-0", back_at=NOON - after * MINUTE, warm_up=MINUTE)
    assert back.warmth(NOON) == pytest.approx(share)
    got = sum(not choice(occurrence=str(number)).is_cold(back) for number in range(MANY)) / MANY
    assert got == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    "back", [host("db-0", back_at=NOON), host("db-0", warm_up=MINUTE)], ids=["no time", "not away"]
)
def test_without_a_time_to_warm_up_or_an_event_behind_it_a_host_is_warm(back: HostView) -> None:
    assert back.warmth(NOON) == 1.0
    assert not choice().is_cold(back)


@given(st.sampled_from(HostChoice), st.text(), st.text())
def test_warming_up_changes_nothing_for_the_only_host(policy: HostChoice, uid: str, occurrence: str) -> None:
    back = host("db-7", back_at=NOON, warm_up=MINUTE)
    how = choice(policy, uid=uid, occurrence=occurrence)
    assert chosen([back], how) == "db-7"
    assert chosen([back, HIT], how, HIT) == "db-7"


def standings(found: Found) -> dict[str, Standing]:
    return {each.host: each.standing for each in found.hosts}


def test_the_record_says_how_each_host_stood() -> None:
    among = [
        HIT,
        host("db-1", **APART),
        host("full", capacity=0),
        host("cold", back_at=NOON, warm_up=timedelta(days=900)),
        host("free"),
        host("later"),
    ]
    found = choose(among, blocking(HIT), choice(occurrence="x2", load=lambda key: (int(key == "later"), 0.0)))
    assert standings(found) == {
        "free": Standing.CHOSEN,
        "db-0": Standing.THREATENED,
        "db-1": Standing.RELATED,
        "full": Standing.FULL,
        "cold": Standing.WARMING_UP,
        "later": Standing.BUSIER,
    }
    assert next(each.event_id for each in found.hosts if each.host == "db-0") == EVENT_ID


def test_the_record_of_many_hosts_lists_the_chosen_one_and_a_few() -> None:
    found = choose(hosts(50), {}, choice(load=lambda key: (int(key != "db-49"), 0.0)))
    assert (found.considered, len(found.hosts)) == (50, LISTED)
    assert (found.hosts[0].host, found.hosts[0].standing) == ("db-49", Standing.CHOSEN)


VIEWS = st.builds(
    host,
    st.integers(0, 6).map("db-{}".format),
    capacity=st.one_of(st.none(), st.integers(0, 2)),
    back_at=st.one_of(st.none(), st.just(NOON)),
    warm_up=st.sampled_from([timedelta(0), MINUTE]),
    fault_domain=st.sampled_from(["", "1", "2"]),
    zone=st.sampled_from(["", "1"]),
)


@given(
    st.lists(VIEWS, max_size=6, unique_by=lambda each: each.key),
    st.sets(st.integers(0, 5)),
    st.sampled_from(HostChoice),
    st.dictionaries(st.integers(0, 6).map("db-{}".format), st.integers(0, 3)),
)
def test_a_free_host_with_room_is_always_found_and_never_another(among, hit, policy, loads) -> None:  # type: ignore[no-untyped-def]
    how = choice(policy, load=lambda key: (loads.get(key, 0), 0.0))
    blocked = {each.key: Blocked(each, threat(each.name)) for at, each in enumerate(among) if at in hit}
    free = [each for each in among if each.key not in blocked]
    roomy = [each for each in free if not how.is_full(each)]
    found = choose(among, blocked, how)
    assert (found.host in roomy) if roomy else found.host is None
    assert (found.full in free) if free and not roomy else found.full is None


def test_a_host_that_an_advisory_names_is_chosen_last_and_still_before_the_kin_of_a_threatened_one() -> None:
    advised = host("db-0", advised=True)
    assert chosen([advised, host("db-1")], choice(load=lambda key: (int(key == "db-1"), 0.0))) == "db-1"
    assert chosen([advised], choice()) == "db-0"
    hit = host("db-9", threat("db-9"), zone="1")
    assert chosen([advised, host("db-1", zone="1")], choice(), hit) == "db-0"
