"""The emulator's faults and limits, by a clock that is turned."""

from datetime import timedelta

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind, Faults
from services.vmwatch.emulator.limits import Activation, Options, RateLimit
from tests.parts.watching import NOON, TurnedClock


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_a_fault_is_used_up_by_count() -> None:
    faults = Faults(Pace(TurnedClock()))
    faults.add(Fault(kind=FaultKind.HTML, count=1), NOON)
    assert faults.take("db-0", "GET", Endpoint.EVENTS, NOON) is not None
    assert faults.take("db-0", "GET", Endpoint.EVENTS, NOON) is None


def test_a_fault_ends_with_its_time() -> None:
    faults = Faults(Pace(TurnedClock(), speed=2))
    faults.add(Fault(kind=FaultKind.HTML, seconds=10), NOON)
    assert faults.take("db-0", "GET", Endpoint.EVENTS, NOON + after(4.9)) is not None
    assert faults.take("db-0", "GET", Endpoint.EVENTS, NOON + after(5)) is None
    assert faults.current(NOON + after(5)) == ()


def test_a_fault_hits_only_whom_it_names() -> None:
    faults = Faults(Pace(TurnedClock()))
    faults.add(Fault(kind=FaultKind.HTML, method="post", vm="DB-0"), NOON)
    assert faults.take("db-1", "POST", Endpoint.EVENTS, NOON) is None
    assert faults.take("db-0", "GET", Endpoint.EVENTS, NOON) is None
    assert faults.take("db-0", "POST", Endpoint.INSTANCE, NOON) is None
    assert faults.take("db-0", "POST", Endpoint.EVENTS, NOON) is not None


def test_the_first_call_is_slow_and_those_beside_it_wait_as_long() -> None:
    activation = Activation(Pace(TurnedClock()), Options(first_call_delay=120))
    assert activation.touch(NOON) == (after(120), False)
    assert activation.touch(NOON + after(100)) == (after(20), False)
    assert activation.touch(NOON + after(121)) == (after(0), False)


def test_a_day_of_silence_switches_the_service_off() -> None:
    activation = Activation(Pace(TurnedClock()), Options(first_call_delay=120, disable_after=86400))
    activation.touch(NOON)
    assert activation.touch(NOON + after(86400)) == (after(0), False)
    assert activation.touch(NOON + after(2 * 86401)) == (after(120), True)


def test_five_requests_a_second_are_allowed_to_each_vm() -> None:
    rate = RateLimit(5)
    assert [rate.allows("db-0", NOON) for _ in range(6)] == [True] * 5 + [False]
    assert rate.allows("db-1", NOON)
    assert rate.allows("db-0", NOON + after(1))
    assert all(RateLimit(0).allows("db-0", NOON) for _ in range(100))
