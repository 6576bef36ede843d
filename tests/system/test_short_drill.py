"""A short drill: random jobs and faults on whole schedulers, and every promise kept. `make drill` runs long ones."""

from pathlib import Path

import pytest

from tests.drill.checker import judge
from tests.drill.drill import Drill, run
from tests.drill.records import Wrong
from tests.drill.site import CONFIGURATIONS
from tests.drill.stories import story

pytestmark = [pytest.mark.system, pytest.mark.postgresql]
_BY_NAME = {configuration.name: configuration for configuration in CONFIGURATIONS}


@pytest.mark.parametrize(("name", "seed"), [("SQLite", 1), ("PostgreSQL, two", 2)])
async def test_nothing_is_lost_doubled_or_untrue_whatever_breaks(tmp_path: Path, name: str, seed: int) -> None:
    evidence = await run(Drill(seed=seed, configuration=_BY_NAME[name], span=6.0, faults=4, jobs=40), tmp_path)
    verdict = judge(evidence)
    # How late starts are is for a machine that runs nothing else.
    broken = [each for each in verdict.violations if each.wrong is not Wrong.LATE]
    assert not broken, "\n\n".join(story(evidence, each) for each in broken[:3])
    assert verdict.due > 200
    assert len(evidence.faults) >= 4
