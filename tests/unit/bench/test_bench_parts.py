"""What the benchmark's programs agree on: orders, what the target saw, whose work a sampled stack is."""

from msgspec.structs import replace

from tests.bench.orders import Order
from tests.bench.parts import LOOP, Sample, part_of, samples, shares
from tests.bench.target import seen

DUE = b"1970-01-01T00:01:40.000Z"


def order(**changes: object) -> Order:
    return replace(Order(url="u", jobs=5, interval=1, start=100.0, until=102.0), **changes)


def test_jobs_are_spread_over_their_interval() -> None:
    assert order().firsts() == [100.0, 100.2, 100.4, 100.6, 100.8]


def test_a_herd_is_due_at_one_instant() -> None:
    assert set(order(herd=True).firsts()) == {100.0}


def test_every_due_instant_until_the_end_is_listed_in_order() -> None:
    dues = list(order().dues())
    assert len(dues) == 10
    assert dues == sorted(dues)


def test_jobs_that_run_once_have_one_due_instant() -> None:
    assert list(order(interval=0, jobs=2).dues()) == [(100.0, 0), (100.0, 1)]


def test_a_fifth_of_the_jobs_asks_the_silent_target() -> None:
    wanted = order(jobs=10, hang_url="silent", hang_each=5)
    assert [wanted.address(number) for number in (0, 4, 9)] == ["u/0", "silent/4", "silent/9"]


def test_a_request_that_comes_twice_counts_as_one_and_as_doubled() -> None:
    found = seen([(100.5, DUE, b"/hit/1"), (100.7, DUE, b"/hit/1"), (100.6, DUE, b"/hit/2")], 100, 101)
    assert (found.arrived, found.doubled, len(found.lateness)) == (3, 1, 2)
    assert (found.first, found.latest) == (100.5, 100.7)


def test_what_was_due_before_the_window_arrives_in_it_and_is_not_late_in_it() -> None:
    found = seen([(105.0, DUE, b"/hit/1")], 101, 106)
    assert (found.arrived, found.lateness) == (1, [])


def test_the_innermost_frame_of_a_part_has_a_stack() -> None:
    stack = [
        "run (shared/lifecycle.py:9)",
        "_work (services/scheduler/dispatch/runner.py:5)",
        "_request (aiohttp/client.py:7)",
    ]
    assert part_of(Sample(frames=stack, count=1)) == "HTTP call"
    assert part_of(Sample(frames=stack[:2], count=1)) == "dispatch"
    assert part_of(Sample(frames=stack[:1], count=1)) == LOOP


def test_shares_are_told_greatest_first_with_what_has_most_of_them() -> None:
    text = (
        "run (shared/lifecycle.py:9) 1\nrun (shared/lifecycle.py:9);Store.claim (services/scheduler/store/x.py:3) 3\n"
    )
    assert shares(samples(text)) == [
        ("store", 0.75, "`x.py claim` 75 %"),
        (LOOP, 0.25, "`lifecycle.py run` 25 %"),
    ]
