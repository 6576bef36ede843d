"""What a replica finds out about itself: figures of the last hour, and the alerts' own rules applied to them."""

from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.scheduler.health.conditions import Above, AnyZero, Burns, Grows, Off, Rose, Stuck, Zero
from services.scheduler.health.figures import Figures
from services.scheduler.health.rules import MINUTE, RULES, Area, Rule
from services.scheduler.health.watch import Verdict, Watch, verdict_of
from services.scheduler.metrics import Metrics
from tests.parts.fakes_api import HandClock

ROOT = Path(__file__).parents[3]


def _alerts() -> dict[str, dict[str, Any]]:
    files = (ROOT / "k8s/monitoring/rules").glob("*.yaml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


ALERTS = _alerts()


class Scene:
    """Metrics, figures and a watch on a clock to turn."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.metrics = Metrics("")
        self.metrics.store_up.set(1)
        self.metrics.bus_connected.set(1)
        self.figures = Figures(self.metrics.registry, steady=lambda: self.clock.now().timestamp())
        self.watch = Watch(self.figures, self.clock)

    async def live(self, minutes: int) -> None:
        """Let time pass, looking four times a minute."""
        for _ in range(4 * minutes):
            self.clock.turn(timedelta(seconds=15))
            await self.watch.look()

    def verdicts(self) -> dict[str, Verdict]:
        return {one.rule.alert: one.verdict for one in self.watch.concerns()}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def _length(text: str) -> timedelta:
    return timedelta(seconds=int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]])


@pytest.mark.parametrize("rule", RULES, ids=[rule.alert for rule in RULES])
def test_each_rule_is_the_alert_of_its_name(rule: Rule) -> None:
    alert = ALERTS[rule.alert]
    assert rule.lasts == _length(alert["for"])
    for words in _said(rule):
        assert words in alert["expr"], words
    assert f"### {rule.alert}\n" in (ROOT / "docs/alerts.md").read_text()


def _said(rule: Rule) -> list[str]:
    """Return what an alert's expression says of a rule's condition."""
    match rule.condition:
        case Zero(metric=metric):
            return [metric, "== 0"]
        case AnyZero(metric=metric):
            return [f"{metric} == 0"]
        case Above(metric=metric, limit=limit, labels=labels):
            return [metric, f"> {limit:g}", *(f'{name}="{value}"' for name, value in labels.items())]
        case Off(metric=metric, limit=limit):
            return [f"abs({metric}) > {limit:g}"]
        case Rose(metric=metric, window=window, among=among):
            return [metric, _window(window), *among]
        case Grows(metric=metric, limit=limit, most=most, window=window):
            return [metric, f"> {limit:g}", f">= {most:g}", _window(window)]
        case Stuck(waiting=waiting, done=done, window=window):
            return [f"min_over_time({waiting}{_window(window)}) > 0", f"increase({done}{_window(window)}) == 0"]
        case Burns(factor=factor, least=least):
            return ["ratio_rate1h", "ratio_rate5m", f"> {factor:g} * 0.01", f"increase1h > {least}"]
        case other:
            raise AssertionError(other)


def _window(window: timedelta) -> str:
    minutes = window // MINUTE
    return f"[{minutes // 60}h]" if minutes >= 60 else f"[{minutes}m]"


async def test_what_is_as_it_should_be_raises_no_concern(scene: Scene) -> None:
    await scene.live(3)
    assert scene.verdicts() == {}
    assert verdict_of(scene.watch.concerns(), Area.BUS) is Verdict.GOOD


async def test_a_gauge_must_hold_for_as_long_as_the_alert_says(scene: Scene) -> None:
    scene.metrics.oldest_due.set(90)
    await scene.live(1)
    assert scene.verdicts() == {"LeewardNothingIsClaimed": Verdict.PASSING}
    await scene.live(2)
    assert scene.verdicts() == {"LeewardNothingIsClaimed": Verdict.LOOK}
    assert verdict_of(scene.watch.concerns(), Area.LATENESS) is Verdict.LOOK
    scene.metrics.oldest_due.set(0)
    assert scene.verdicts() == {}


async def test_a_counter_that_rose_is_forgotten_after_its_window(scene: Scene) -> None:
    await scene.live(5)
    scene.metrics.leases_lost.inc()
    assert scene.verdicts() == {"LeewardLeaseLost": Verdict.LOOK}
    await scene.live(14)
    assert "LeewardLeaseLost" in scene.verdicts()
    await scene.live(2)
    assert scene.verdicts() == {}


async def test_a_backlog_matters_while_it_grows(scene: Scene) -> None:
    for minute in range(11):
        scene.metrics.backlog.set(500 + minute)
        await scene.live(1)
    assert scene.verdicts()["LeewardBacklogGrows"] is Verdict.LOOK
    await scene.live(11)
    assert scene.verdicts() == {}, "it stands"


async def test_outcomes_that_wait_matter_when_none_is_written(scene: Scene) -> None:
    scene.metrics.outcomes_waiting.set(3)
    await scene.live(1)
    scene.metrics.outcomes_written.inc()
    assert scene.verdicts() == {}
    await scene.live(4)
    assert scene.verdicts() == {"LeewardOutcomesNotRecorded": Verdict.LOOK}


async def test_a_hundredth_that_is_used_up_fast_is_seen(scene: Scene) -> None:
    for seconds in [0.01] * 50 + [5] * 20:
        scene.metrics.lateness.observe(seconds)
    await scene.live(3)
    assert scene.verdicts() == {"LeewardLatenessBudgetBurnsFast": Verdict.LOOK}


async def test_lateness_is_of_the_window_alone(scene: Scene) -> None:
    scene.metrics.lateness.observe(20)
    await scene.live(10)
    scene.metrics.lateness.observe(0.002)
    window = timedelta(minutes=5)
    assert (scene.figures.started(window), scene.figures.late(window)) == (1, 0)
    assert scene.figures.quantile(0.99, window) == 0.0025
    await scene.live(6)
    assert scene.figures.quantile(0.5, window) is None
    scene.metrics.lateness.observe(99)
    assert scene.figures.quantile(0.5, window) == inf
