"""Lines of full hosts: who comes next, who keeps its place, and that room is never given to two."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.dispatch.lines import AT_ONCE, ROUND_SECONDS, Lines
from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.dispatch.waits import QUEUE_LIMIT
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.hosts import FleetView
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.records import Claim
from shared.topics import HostKey
from tests.parts.builders import case, definition, host, job, occurrence, threat

DB_0, DB_1 = HostKey("db-0"), HostKey("db-1")


class Scene:
    """Two hosts of a pool with room for `capacity` executions each, and the lines before them."""

    def __init__(self, capacity: int = 1) -> None:
        self.now = 100.0
        self.running = Running()
        self.fleet = FleetView(host(name, pools=("db",), capacity=capacity) for name in ("db-0", "db-1"))
        self.lines = Lines(lambda: self.fleet, self.running, time=lambda: self.now)
        self.under_way: dict[str, Execution] = {}

    def start(self, one: Claim, on: HostKey) -> list[Claim]:
        """Let a claim's execution begin on a host."""
        turns = list(self.lines.started(one, on))
        execution = Execution(occurrence=one.occurrence, case=case(), host=on, scope=asyncio.Timeout(None))
        self.running._add(execution)
        self.under_way[one.occurrence.id] = execution
        return turns

    def end(self, one: Claim) -> list[Claim]:
        """Let a claim's execution end, and say whose turn it is."""
        execution = self.under_way.pop(one.occurrence.id)
        self.running._remove(execution)
        assert execution.host is not None
        return list(self.lines.ended(execution.host))

    def runs(self, one: Claim, on: HostKey = DB_0) -> bool:
        """Whether a claim may start on a host now, as a decision would say."""
        capacity = self.fleet[on].capacity
        return capacity is None or self.lines.load(one)(on)[0] < capacity

    def leads_on(self, one: Claim, on: HostKey = DB_0) -> bool:
        """Whether this replica may start a claim that would run on a host, there or anywhere it may."""
        return self.lines.leads_on(one, on, case(one.job.definition))

    def waits_again(self, one: Claim, on: HostKey = DB_0) -> list[Claim]:
        """Let a claim that was tried in vain wait on, and say whose turn it is instead."""
        assert self.lines.wait(one, on)
        return list(self.lines.passed(one))


def pinned(number: int, on: str = "db-0") -> Claim:
    of = job(number, definition(host=on))
    return Claim(occurrence=occurrence(of, id=OccurrenceId(f"o-{number}")), job=of)


def pooled(number: int) -> Claim:
    of = job(number, definition(pool="db"))
    return Claim(occurrence=occurrence(of, id=OccurrenceId(f"o-{number}")), job=of)


def test_who_has_waited_longest_comes_next_and_nobody_who_comes_later_is_faster() -> None:
    scene, first, second, third = Scene(), pinned(1), pinned(2), pinned(3)
    scene.start(pinned(0), DB_0)
    assert scene.lines.wait(first, DB_0)
    assert scene.lines.wait(second, DB_0)
    assert scene.end(pinned(0)) == [first]
    assert (scene.runs(third), scene.runs(first)) == (False, True)
    assert scene.start(first, DB_0) == []
    assert scene.end(first) == [second]


def test_who_waits_for_a_pool_is_tried_when_any_of_its_hosts_has_room_in_turn_with_those_of_that_host() -> None:
    scene, of_pool, of_host = Scene(), pooled(2), pinned(3, "db-1")
    scene.start(pinned(0), DB_0)
    scene.start(pinned(1, "db-1"), DB_1)
    assert scene.lines.wait(of_pool, DB_0)
    assert scene.lines.wait(of_host, DB_1)
    assert scene.end(pinned(1, "db-1")) == [of_pool]
    assert scene.start(of_pool, DB_1) == []
    assert scene.end(of_pool) == [of_host]


def test_who_cannot_use_the_room_lets_the_next_one_try_and_keeps_its_place() -> None:
    scene, first, second = Scene(), pinned(1), pinned(2)
    scene.start(pinned(0), DB_0)
    for one in (first, second):
        assert scene.lines.wait(one, DB_0)
    assert scene.end(pinned(0)) == [first]
    assert scene.waits_again(first) == [second]
    scene.start(second, DB_0)
    assert scene.end(second) == [first]


def test_who_goes_elsewhere_or_ends_otherwise_leaves_the_room_to_the_next() -> None:
    scene, first, second, third = Scene(), pooled(1), pooled(2), pooled(3)
    for number, on in ((7, DB_0), (8, DB_1)):
        scene.start(pooled(number), on)
    for one in (first, second, third):
        assert scene.lines.wait(one, DB_0)
    assert scene.end(pooled(7)) == [first]
    assert list(scene.lines.passed(first)) == [second]
    assert scene.start(second, DB_1) == [third]
    assert scene.lines.waiting == 0


def test_more_room_or_another_state_of_a_host_lets_all_of_its_line_try_a_few_at_a_time() -> None:
    scene = Scene()
    scene.start(pinned(0), DB_0)
    for number in range(1, AT_ONCE + 3):
        assert scene.lines.wait(pinned(number), DB_0)
    assert list(scene.lines.open()) == []
    scene.fleet = FleetView([host("db-0", threat("db-0"), pools=("db",), capacity=1)])
    rounds = [list(scene.lines.open()) for _ in range(3)]
    assert [len(each) for each in rounds] == [AT_ONCE, 2, 0]
    for one in (*rounds[0], *rounds[1]):
        assert scene.waits_again(one) == []
    assert list(scene.lines.open()) == []


def test_room_that_nobody_could_use_is_offered_again_after_a_while() -> None:
    scene, first = Scene(), pinned(1)
    scene.start(pinned(0), DB_0)
    assert scene.lines.wait(first, DB_0)
    assert scene.end(pinned(0)) == [first]
    scene.waits_again(first)
    soon, scene.now = list(scene.lines.open()), scene.now + ROUND_SECONDS + 0.1
    assert (soon, list(scene.lines.open())) == ([], [first])


def test_room_kept_for_a_claim_that_is_not_ours_any_more_is_free() -> None:
    scene, first = Scene(), pinned(1)
    scene.start(pinned(0), DB_0)
    assert scene.lines.wait(first, DB_0)
    assert scene.end(pinned(0)) == [first]
    scene.lines.keep(lambda _: False)
    assert scene.runs(pinned(2))
    assert list(scene.lines.passed(first)) == []


def test_a_replica_without_a_share_has_no_line() -> None:
    scene = Scene(capacity=0)
    assert not scene.leads_on(pinned(1))
    assert not scene.leads_on(pooled(2))
    scene.fleet = FleetView([scene.fleet[DB_0], host("db-1", pools=("db",), capacity=1)])
    assert not scene.leads_on(pinned(1))
    assert scene.leads_on(pooled(2))


def test_a_share_of_a_host_that_jobs_are_kept_off_is_none() -> None:
    scene = Scene(capacity=0)
    scene.fleet = FleetView([scene.fleet[DB_0], host("db-1", threat("db-1"), pools=("db",), capacity=1)])
    assert not scene.leads_on(pooled(1))
    assert scene.leads_on(pooled(1), DB_1), "chosen as the last one that stands"


def test_a_long_line_of_a_host_that_hangs_is_bounded_hardly_counts_and_makes_its_jobs_busy() -> None:
    scene = Scene()
    scene.start(pinned(-1), DB_0)
    for number in range(QUEUE_LIMIT):
        assert scene.lines.wait(pinned(number), DB_0)
    at_first, scene.now = (scene.lines.weight, scene.lines.is_held_up(JobId(0))), scene.now + 1.1
    assert (at_first, scene.lines.weight, scene.lines.is_held_up(JobId(0))) == ((QUEUE_LIMIT, False), 20, True)
    assert not scene.lines.wait(pinned(QUEUE_LIMIT), DB_0)
    assert scene.lines.full == 1


@given(st.integers(1, 3), st.lists(st.sampled_from(["come", "pool", "end", "vain"]), max_size=60))
def test_no_host_ever_has_more_than_it_may_and_all_have_their_turn(capacity: int, steps: list[str]) -> None:
    scene, to_try, number = Scene(capacity), [], 0
    started: list[Claim] = []

    def attempt(one: Claim, *, vain: bool = False) -> None:
        found = next((on for on in (DB_0, DB_1) if scene.runs(one, on) and (on == DB_0 or _has_pool(one))), None)
        if vain or found is None:
            to_try.extend(scene.waits_again(one))
        else:
            to_try.extend(scene.start(one, found))
            started.append(one)
        assert all(scene.running.load(on)[0] <= capacity for on in (DB_0, DB_1))

    for step in steps:
        if step in ("come", "pool"):
            number += 1
            attempt(pinned(number) if step == "come" else pooled(number))
        elif step == "end" and scene.under_way:
            to_try.extend(scene.end(next(one for one in started if one.occurrence.id in scene.under_way)))
        elif step == "vain" and to_try:
            attempt(to_try.pop(0), vain=True)
    while scene.under_way or to_try or scene.lines.waiting:
        while to_try:
            attempt(to_try.pop(0))
        for one in [one for one in started if one.occurrence.id in scene.under_way]:
            to_try.extend(scene.end(one))
        scene.now += ROUND_SECONDS + 0.1
        to_try.extend(scene.lines.open())
    assert len(started) == number


def _has_pool(one: Claim) -> bool:
    placement = one.job.definition.placement
    return placement is not None and placement.pool is not None
