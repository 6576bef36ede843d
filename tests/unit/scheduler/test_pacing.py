"""When held occurrences go: so many a second for each host, a job's own in due order."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.dispatch.pacing import Freed, Pace, takers
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.placement import Run, decide
from services.scheduler.store.records import Held
from tests.parts.builders import NOON, case, definition, fleet, host, job, occurrence, threat

SECOND = timedelta(seconds=1)
DB_0, DB_1, DB_2 = (host(name, pools=("db",)) for name in ("db-0", "db-1", "db-2"))


def freed(number: int, *hosts: HostView) -> Freed:
    of = job(number)
    return Freed(held=Held(occurrence=occurrence(of), job=of), hosts=hosts)


def instants(pace: Pace, count: int, *hosts: HostView, now: datetime = NOON) -> list[datetime]:
    return [pace.when(freed(number, *hosts), now) for number in range(count)]


def no_load(_host: str) -> tuple[int, float]:
    return 0, 0.0


def test_a_host_gets_so_many_a_second_the_first_one_at_once() -> None:
    gone = instants(Pace(20, {}), 101, DB_0)
    assert gone[:3] == [NOON, NOON + SECOND / 20, NOON + SECOND / 10]
    assert gone[-1] == NOON + 5 * SECOND


def test_a_pool_gets_as_many_times_that_as_it_has_hosts_that_are_free() -> None:
    per_second = Counter(int((at - NOON) / SECOND) for at in instants(Pace(20, {}), 180, DB_0, DB_1, DB_2))
    assert per_second == {0: 60, 1: 60, 2: 60}


def test_what_is_for_one_host_and_what_is_for_its_pool_share_the_hosts_rate() -> None:
    pace = Pace(10, {})
    alone = instants(pace, 10, DB_0)
    both = instants(pace, 20, DB_0, DB_1)
    assert sum(at < NOON + SECOND for at in (*alone, *both)) == 20


def test_what_was_let_go_before_for_the_host_or_its_pool_goes_first() -> None:
    after = NOON + 30 * SECOND
    assert instants(Pace(10, {"db-0": after}), 1, DB_0) == [after + SECOND / 10]
    assert instants(Pace(10, {"db": after}), 1, DB_0) == [after + SECOND / 10]
    assert instants(Pace(10, {"web": after}), 1, DB_0) == [NOON]


def test_a_rate_that_no_millisecond_divides_is_kept_on_the_whole() -> None:
    gone = instants(Pace(30, {}), 301, DB_0)
    assert all(at.microsecond % 1000 == 0 for at in gone)
    assert abs(gone[-1] - NOON - 10 * SECOND) <= SECOND / 1000


def test_without_a_rate_or_a_host_all_go_at_once_but_one_job_keeps_its_order() -> None:
    assert set(instants(Pace(0, {}), 50, DB_0)) == set(instants(Pace(20, {}), 50)) == {NOON}
    pace, one = Pace(0, {}), freed(1, DB_0)
    assert [pace.when(one, NOON) for _ in range(3)] == [NOON + number * SECOND / 1000 for number in range(3)]


@given(
    rate=st.integers(1, 60),
    orders=st.lists(st.sampled_from([(DB_0,), (DB_1,), (DB_0, DB_1), (DB_0, DB_1, DB_2)]), min_size=1, max_size=150),
)
def test_whatever_comes_in_whatever_order_no_second_has_more_than_its_hosts_may_get(
    rate: int, orders: list[tuple[HostView, ...]]
) -> None:
    pace = Pace(rate, {})
    gone = [(hosts, pace.when(freed(number, *hosts), NOON)) for number, hosts in enumerate(orders)]
    for among in ((DB_0,), (DB_0, DB_1), (DB_0, DB_1, DB_2)):
        instants_there = [at for hosts, at in gone if set(hosts) <= set(among)]
        for start in instants_there:
            assert sum(start <= at < start + SECOND for at in instants_there) <= (rate + 1) * len(among)
    assert min(at for _, at in gone) == NOON


def test_a_job_spreads_over_all_of_its_pool_that_it_may_use_and_stays_at_home_where_it_runs_there() -> None:
    hit = host("db-0", threat("db-0"), pools=("db",))
    hosts = fleet(hit, DB_1, DB_2)
    for what, expected in (
        (definition(pool="db"), (DB_1, DB_2)),
        (definition(host="db-1", pool="db"), (DB_1,)),
        (definition(host="db-0", pool="db"), (DB_1, DB_2)),
        (definition("http://elsewhere.test/"), ()),
    ):
        run = decide(case(what), hosts, no_load)
        assert isinstance(run, Run)
        assert takers(case(what), run, hosts) == expected
