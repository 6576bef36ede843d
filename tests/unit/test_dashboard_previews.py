"""What stands between a dashboard's queries and its picture: variables filled in, series named, numbers written."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboards.asking import Shown, named
from tests.dashboards.document import Target
from tests.dashboards.units import written

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHOWN = Shown(
    variables={"scheduler": "s", "fleet": ".*", "vm": "db-.*"},
    start=START,
    end=START + timedelta(hours=1),
    step=timedelta(seconds=15),
    rate_interval=timedelta(minutes=1),
)


def test_variables_are_filled_in_as_grafana_does() -> None:
    expr = (
        'rate(x{fleet=~"$fleet",job=~"$scheduler",instance=~"$vm"}[$__rate_interval]) offset $__interval + y[$__range]'
    )
    assert SHOWN.filled(expr) == 'rate(x{fleet=~".*",job=~"s",instance=~"db-.*"}[60s]) offset 15s + y[3600s]'


@pytest.mark.parametrize(
    ("legend", "name"),
    [("{{job}} {{version}}", "watcher 1.2"), ("{{ missing }}late", "late"), ("__auto", "watcher, 1.2"), ("p99", "p99")],
)
def test_a_series_has_the_name_that_the_legend_says(legend: str, name: str) -> None:
    target = Target(expr="x", ref_id="A", legend_format=legend)
    assert named(target, {"job": "watcher", "version": "1.2"}) == name


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0042, "s", "4.2 ms"),
        (0, "s", "0 s"),
        (754, "s", "12.6 min"),
        (0.0657, "percentunit", "6.57 %"),
        (12_345, "short", "12.3 K"),
        (70 * 2**20, "bytes", "70 MiB"),
        (2.5, "reqps", "2.5 req/s"),
    ],
)
def test_numbers_are_written_in_their_unit(value: float, unit: str, text: str) -> None:
    assert written(value, unit) == text
