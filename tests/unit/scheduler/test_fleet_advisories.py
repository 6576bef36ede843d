"""Advisories, such as that Azure may soon take a Spot VM back: nothing is cordoned, its host is chosen last."""

from services.scheduler.domain.hosts import HostCondition
from services.scheduler.domain.placement import Run, decide
from shared.topics import HostKey
from tests.parts.builders import case, definition, event, inventory
from tests.parts.fleets import Watched

ADVICE = event("db-0", event_id="ADVICE", type="SpotRebalanceRecommendation", status="Advisory", notice=None)


async def test_a_host_that_an_advisory_names_stays_in_use_and_is_chosen_last() -> None:
    watched = await Watched("db-0", "db-1").begin()
    for name in ("db-0", "db-1"):
        watched.fleet.heard.take_inventory(HostKey(name), inventory(name, "db"))
    watched.see("db-0", ADVICE)
    assert {report.host: report.condition for report in watched.fleet.reports()} == {
        "db-0": HostCondition.AVAILABLE,
        "db-1": HostCondition.AVAILABLE,
    }
    decision = decide(case(definition(pool="db")), watched.fleet.views, lambda key: (int(key == "db-1"), 0.0))
    assert isinstance(decision, Run)
    assert decision.host is not None
    assert decision.host.name == "db-1"


async def test_once_the_advisory_is_gone_its_host_is_as_good_as_any() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0", ADVICE)
    assert watched.fleet.views[HostKey("db-0")].advised
    watched.see("db-0")
    assert not watched.fleet.views[HostKey("db-0")].advised
