"""Cases are made with what is known of durations, and only where that may matter."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.cases import Cases
from services.scheduler.domain.actions import ActionName, ErrorAction
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Run, decide
from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    DurationRule,
    LastStanding,
    Maintenance,
    MaintenanceRule,
    Strategy,
)
from tests.parts.builders import NOON, action, claim, definition, fleet, host, job, occurrence, threat

MINUTE = timedelta(minutes=1)
LEAD = MaintenanceRule(lead_time=AUTO)
MATTERS = (
    Maintenance(rule=LEAD),
    Maintenance(rule=MaintenanceRule(lead_time=timedelta())),
    Maintenance(rule=MaintenanceRule(last_standing=LastStanding.RUN_ON_LEAST_URGENT)),
    Maintenance(by_type={"freeze": LEAD}),
    Maintenance(by_source={"platform": LEAD}),
    Maintenance(by_duration=(DurationRule(up_to=MINUTE, rule=LEAD),)),
)
OTHERS = (
    NO_MAINTENANCE,
    Maintenance(rule=MaintenanceRule(strategy=Strategy.HOLD, last_standing=LastStanding.HOLD_ALL)),
    Maintenance(by_type={"freeze": MaintenanceRule(strategy=Strategy.IGNORE)}),
)


class Asked:
    """Knows how long jobs take and remembers of which it was asked."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def __call__(self, about: Job) -> timedelta:
        """Say a minute."""
        self.jobs.append(about)
        return MINUTE


@pytest.mark.parametrize("level", ["job", "collection", "fleet"])
@pytest.mark.parametrize("policy", [*MATTERS, *OTHERS])
def test_the_duration_is_asked_for_where_any_level_may_need_it_for_any_event(policy: Maintenance, level: str) -> None:
    asked, matters = Asked(), policy in MATTERS
    around = policy if level == "collection" else NO_MAINTENANCE
    cases = Cases(fleet=policy if level == "fleet" else NO_MAINTENANCE, collections=lambda _: around, expected=asked)
    of = job(what=definition(maintenance=policy if level == "job" else NO_MAINTENANCE))
    assert cases.of(of, occurrence(of), NOON).expected == (MINUTE if matters else None)
    cases.foresee([claim(of)])
    assert asked.jobs == [of, of] * matters


async def test_whoever_can_wait_is_told_by_the_store() -> None:
    async def look_up(_: Job) -> timedelta:
        return MINUTE

    assert await Cases(look_up=look_up).expected(job()) == MINUTE
    assert await Cases().expected(job()) is None


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("https://pager.test/", None),
        ("http://{host}:8080/failed", "db-0"),
        ("http://db-1/failed", "db-1"),
    ],
    ids=["elsewhere", "where the job ran", "on another host"],
)
def test_an_error_action_goes_where_it_points_unless_it_names_the_jobs_host(uri: str, place: str | None) -> None:
    main = action("http://{host}/")
    what = definition(host="db-0", action=replace(main, error_action=ErrorAction(call=action(uri).call)))
    known = fleet(host("db-0", threat("db-0")), host("db-1"))
    of = job(what=what)
    failed = Cases().of(of, occurrence(of, action=ActionName.ERROR), NOON)
    decision = decide(failed, known, lambda _: (0, 0.0))
    if place == "db-0":
        assert isinstance(decision, Hold)
    else:
        assert isinstance(decision, Run)
        assert (decision.host.name if decision.host is not None else None) == place
