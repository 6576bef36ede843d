"""Cases are made with what is known of durations, and only where that may matter."""

from datetime import timedelta

import pytest

from services.scheduler.dispatch.cases import Cases
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    DurationRule,
    LastStanding,
    Maintenance,
    MaintenanceRule,
    Strategy,
)
from tests.parts.builders import NOON, claim, definition, job, occurrence

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
