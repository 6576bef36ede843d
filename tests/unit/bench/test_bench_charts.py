"""What the benchmark's pictures show."""

from tests.bench.charts import Chart, Panel
from tests.bench.curves import charts, embedded
from tests.bench.idle import Idle
from tests.bench.loads import SHARES, STEADY, Take
from tests.bench.results import Results


def take(*, rate: float = 1_000.0, late: float = 0.002, lost: int = 0) -> Take:
    curve = [late] * len(SHARES)
    return Take(rate=rate, p50=late, p99=late, last=late, cpu=1e-4, due=1_000, lost=lost, curve=curve)


def only_panel(found: list[Chart]) -> Panel:
    assert len(found) == 1
    assert len(found[0].panels) == 1
    return found[0].panels[0]


def test_lateness_is_drawn_in_milliseconds_up_to_all_that_came() -> None:
    found = charts(Results(setting="", rounds=1, takes={STEADY: {"loop": [take(late=0.002)]}}))
    assert only_panel(found).lines[0].points[-1] == (2.0, 100.0)


def test_what_never_came_is_missing_at_the_top() -> None:
    found = charts(Results(setting="", rounds=1, takes={STEADY: {"loop": [take(lost=400)]}}))
    assert only_panel(found).lines[0].points[-1][1] == 60.0


def test_throughput_is_drawn_in_the_order_of_the_rates_asked() -> None:
    rates = {2_000: {"loop": [take(rate=1_900)]}, 100: {"loop": [take(rate=100)]}}
    panel = only_panel(charts(Results(setting="", rounds=1, rates=rates)))
    assert panel.lines[0].points == [(100.0, 100.0), (2_000.0, 1_900.0)]
    assert panel.even


def test_cost_is_drawn_for_stores_with_jobs() -> None:
    idles = [Idle(jobs=jobs, cpu=0.02, memory=10**8, start=1.5, claim=1e-4) for jobs in (0, 1_000)]
    found = charts(Results(setting="", rounds=1, idles={"SQLite": idles}))
    assert [panel.lines[0].points for panel in found[0].panels] == [
        [(1_000.0, 2.0)],
        [(1_000.0, 1.5)],
        [(1_000.0, 100.0)],
        [(1_000.0, 100.0)],
    ]


def test_nothing_measured_draws_nothing() -> None:
    assert charts(Results(setting="", rounds=1)) == []


def test_each_picture_is_shown_with_words_for_those_who_cannot_see_it() -> None:
    assert embedded([Chart(file="bench-x", told="X by y", panels=[])]) == "![X by y](images/bench-x.svg)"
