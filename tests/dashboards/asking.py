"""Asks Prometheus what a panel asks, with the variables filled in as Grafana does."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from tests.dashboards.document import Target
from tests.parts.prometheus import Prometheus, Series

_NAMED: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of a dashboard is set to: the range, the distance of two points, and the variables' values."""

    variables: Mapping[str, str]
    start: datetime
    end: datetime
    step: timedelta
    rate_interval: timedelta

    def filled(self, expr: str) -> str:
        """Return an expression without variables."""
        known = {
            "__rate_interval": _seconds(self.rate_interval),
            "__interval": _seconds(self.step),
            "__range": _seconds(self.end - self.start),
            **self.variables,
        }
        for name in sorted(known, key=len, reverse=True):
            expr = expr.replace(f"${name}", known[name])
        return expr


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A series as a graph shows it: its name, its labels, and (seconds since 1970, value)."""

    name: str
    labels: Mapping[str, str]
    points: list[tuple[float, float]]


async def ask(prometheus: Prometheus, target: Target, shown: Shown) -> list[Answer]:
    """Return what a query of a panel gives. Fails with Prometheus's words when it is not valid."""
    expr = shown.filled(target.expr)
    if target.instant:
        return [
            Answer(name=named(target, sample.metric), labels=sample.metric, points=[(sample.value[0], sample.number)])
            for sample in await prometheus.query(expr)
        ]
    found = await prometheus.query_range(expr, start=shown.start, end=shown.end, step=shown.step)
    return [_answer(target, series) for series in found]


def _answer(target: Target, series: Series) -> Answer:
    points = [(at, float(value)) for at, value in series.values]
    return Answer(name=named(target, series.metric), labels=series.metric, points=points)


def named(target: Target, labels: Mapping[str, str]) -> str:
    """Return a series' name in the legend."""
    if target.legend_format in ("", "__auto"):
        return ", ".join(labels.values()) or target.ref_id
    return _NAMED.sub(lambda found: labels.get(found[1], ""), target.legend_format)


def _seconds(span: timedelta) -> str:
    return f"{max(1, round(span.total_seconds()))}s"
