"""What is to come: where, and with which fate."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.hosts import HostView, Loss
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.policies import Policies
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.portal.overview.forecast import ELSEWHERE, Coming, Fate, Forecast, Place, PlaceKind
from tests.parts.builders import NOON, definition, fleet, host, job, threat

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DB = Place(PlaceKind.POOL, "db")
DB_0 = Place(PlaceKind.HOST, "db-0")
CALM = host("db-0", pools=("db",), addresses=("10.0.0.4",))
NEIGHBOUR = host("db-1", pools=("db",))


def stormy(of: HostView, *, lasting: int | None = None) -> HostView:
    """Return a host that reboots in ten minutes."""
    return replace(of, threats=(replace(threat(of.name, notice=10 * MINUTE), duration_seconds=lasting),))


def each(minutes: int, **more: object) -> Recurrence:
    return Recurrence(frequency=Frequency.MINUTE, interval=minutes, **more)  # type: ignore[arg-type]


def due(what: JobDefinition, at: datetime = NOON + 20 * MINUTE, **more: object) -> Job:
    return job(1, what, next_due=at, anchor=at, **more)


def forecast(*hosts: HostView) -> Forecast:
    def policies(of: Job) -> Policies:
        placement = of.definition.placement
        return Policies(has_pool=placement is not None and placement.pool is not None)

    return Forecast(fleet(*hosts), policies)


def told(one: Job, *hosts: HostView, most: int = 100) -> list[Coming]:
    return list(forecast(*hosts).of(one, NOON, NOON + HOUR, most))


@pytest.mark.parametrize(
    ("what", "place"),
    [
        (definition(host="db-0"), DB_0),
        (definition(host="db-0", pool="db"), DB_0),
        (definition(pool="db"), DB),
        (definition("http://10.0.0.4/work"), DB_0),
        (definition("http://elsewhere.test/"), ELSEWHERE),
        (definition(pool="unknown"), ELSEWHERE),
    ],
)
def test_a_job_belongs_where_dispatch_would_send_it(what: JobDefinition, place: Place) -> None:
    assert forecast(CALM, NEIGHBOUR).place_of(due(what)) == place


def test_what_is_to_come_on_a_calm_host_runs_there() -> None:
    assert told(due(definition(host="db-0")), CALM) == [Coming(NOON + 20 * MINUTE, DB_0, Fate.RUNS)]


def test_on_a_threatened_host_it_waits_or_moves_as_its_policy_says() -> None:
    assert [one.fate for one in told(due(definition(host="db-0")), stormy(CALM), NEIGHBOUR)] == [Fate.WAITS]
    moving = told(due(definition(host="db-0", pool="db")), stormy(CALM), NEIGHBOUR)
    assert [(one.place, one.fate) for one in moving] == [(DB_0, Fate.LEAVES), (DB, Fate.RUNS)]


def test_what_any_of_a_pool_may_run_waits_only_when_all_are_threatened() -> None:
    one = due(definition(pool="db"))
    assert [coming.fate for coming in told(one, stormy(CALM), NEIGHBOUR)] == [Fate.RUNS]
    assert [coming.fate for coming in told(one, stormy(CALM), stormy(NEIGHBOUR))] == [Fate.WAITS]


def test_nothing_waits_for_an_event_that_will_be_over_by_then() -> None:
    one = due(definition(host="db-0"))
    assert [coming.fate for coming in told(one, stormy(CALM, lasting=60))] == [Fate.RUNS]
    assert [coming.fate for coming in told(one, stormy(CALM, lasting=1200))] == [Fate.WAITS]


def test_what_nobody_has_reported_is_waited_for() -> None:
    assert told(due(definition(pool="unknown")), CALM) == [Coming(NOON + 20 * MINUTE, ELSEWHERE, Fate.WAITS)]


def test_a_job_of_a_lost_host_will_be_missed() -> None:
    lost = replace(CALM, loss=Loss(event_id="E", type="Preempt", at=NOON))
    assert [coming.fate for coming in told(due(definition(host="db-0")), lost)] == [Fate.ENDS]


def test_a_recurring_job_comes_again_and_again_until_the_end() -> None:
    one = due(definition(host="db-0", recurrence=each(10)), NOON + MINUTE)
    assert [coming.at for coming in told(one, CALM)] == [NOON + (1 + 10 * number) * MINUTE for number in range(6)]


def test_a_job_with_a_count_comes_no_oftener_than_is_left() -> None:
    one = due(definition(host="db-0", recurrence=each(10, count=5)), NOON + MINUTE, planned=3)
    assert len(told(one, CALM)) == 2


def test_of_a_job_that_is_due_often_some_instants_stand_for_all() -> None:
    rule = Recurrence(frequency=Frequency.SECOND, interval=2)
    found = told(due(definition(host="db-0", recurrence=rule), NOON + MINUTE), CALM, most=20)
    assert len(found) in range(20, 22)
    assert found[-1].at - found[0].at > 50 * MINUTE
    assert all((one.at - NOON).total_seconds() % 2 == 0 for one in found)


def test_in_a_flexible_window_it_is_drawn_when_it_will_start() -> None:
    one = due(definition(host="db-0", flexible_window=10 * MINUTE))
    [coming] = told(one, CALM)
    assert NOON + 20 * MINUTE < coming.at <= NOON + 30 * MINUTE
