"""Keeps an eye on the rules: since when each condition holds, and so whether it matters yet."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from services.scheduler.health.figures import Figures
from services.scheduler.health.rules import RULES, Area, Rule
from shared.clock import Clock


class Verdict(StrEnum):
    """GOOD: nothing to do. PASSING: something holds that may pass by itself. LOOK: somebody should look at it."""

    GOOD = "good"
    PASSING = "passing"
    LOOK = "look"


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """A rule whose condition holds since an instant."""

    rule: Rule
    since: datetime
    verdict: Verdict


class Watch:
    """A duty for `Chores`: asks each rule now and then, and remembers since when its condition has held."""

    def __init__(self, figures: Figures, clock: Clock, rules: Sequence[Rule] = RULES) -> None:
        self._figures = figures
        self._clock = clock
        self._rules = rules
        self._since: dict[str, datetime] = {}

    async def look(self) -> None:
        """Keep a sample of the figures, and judge by it."""
        self._figures.look()
        self._judge()

    def concerns(self) -> tuple[Concern, ...]:
        """Return what holds now, by area."""
        self._judge()
        now = self._clock.now()
        return tuple(
            Concern(
                rule=rule,
                since=self._since[rule.alert],
                verdict=Verdict.LOOK if now - self._since[rule.alert] >= rule.lasts else Verdict.PASSING,
            )
            for rule in self._rules
            if rule.alert in self._since
        )

    def _judge(self) -> None:
        now = self._clock.now()
        for rule in self._rules:
            if rule.condition.holds(self._figures):
                self._since.setdefault(rule.alert, now)
            else:
                self._since.pop(rule.alert, None)


def verdict_of(concerns: Sequence[Concern], area: Area) -> Verdict:
    """Return the worst verdict about an area."""
    found = [concern.verdict for concern in concerns if concern.rule.area is area]
    return next((verdict for verdict in (Verdict.LOOK, Verdict.PASSING) if verdict in found), Verdict.GOOD)
