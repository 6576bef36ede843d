"""The benchmark's table: medians and ratios, what is missing, what goes into the document."""

import pytest
from msgspec.structs import replace

from tests.bench.cells import compared, lateness, plain, ratio
from tests.bench.creating import Creation
from tests.bench.idle import Idle
from tests.bench.loads import HERD, SATURATION, STEADY, Take, quantile
from tests.bench.report import BEGIN, END, remarks, replaced, rows, table
from tests.bench.results import Results


def take(*, rate: float = 1_000.0, p99: float = 0.01, lost: int = 0, doubled: int = 0, again: int = 0) -> Take:
    return Take(
        rate=rate,
        p50=0.001,
        p99=p99,
        last=p99,
        cpu=1e-4,
        due=1_000,
        lost=lost,
        doubled=doubled,
        again=again,
        curve=[p99],
    )


def results(**measured: object) -> Results:
    return replace(Results(setting="a machine", rounds=1), **measured)


def cell(found: Results, gauge: str, who: str) -> str:
    return next(row.cells.get(who, "") for row in rows(found) if row.name.startswith(gauge))


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_that_of_the_medians() -> None:
    assert ratio([1.0, 20.0, 3.0], [1.0, 10.0, 1.0]) == 2.0


def test_a_cell_has_the_ratio_and_the_figure() -> None:
    assert compared([2.0], [4.0], lambda figure: f"{figure:.0f} ms") == "**0.50** (2 ms)"


def test_nothing_to_compare_with_leaves_the_figure_alone() -> None:
    assert compared([2.0], [], lambda figure: f"{figure:.0f} ms") == "2 ms"
    assert plain([None], str) == ""


def test_who_leaves_requests_behind_has_no_lateness() -> None:
    assert lateness([take(lost=900)], [take()], lambda each: each.p99) == "behind: 90 % not there"


def test_the_table_has_a_row_for_what_was_measured_and_none_for_the_rest() -> None:
    found = results(takes={HERD: {"loop": [take(p99=0.1)], "SQLite": [take(p99=0.15)]}})
    assert cell(found, "P5", "SQLite") == "**1.50** (150.0 ms)"
    assert "P9" not in table(found)


def test_two_replicas_are_compared_with_one_and_their_doubles_counted() -> None:
    takes = {STEADY: {"PostgreSQL": [take(rate=1_000)], "2 replicas": [take(rate=990, doubled=2)]}}
    found = results(takes=takes)
    assert cell(found, "P6: requests of 2", "2 replicas") == "**0.99** (990/s)"
    assert cell(found, "P6: requests that came twice", "2 replicas") == "2"


def test_a_burst_is_compared_with_each_peer() -> None:
    found = results(bursts={"PgQueuer": [5_000.0], "Procrastinate": [500.0], "SQLite": [4_000.0]})
    assert cell(found, "P7: the same / Procrastinate", "SQLite") == "**8.00**"
    assert cell(found, "P7: the same / PgQueuer", "SQLite") == "**0.80**"


def test_memory_is_told_against_a_scheduler_without_jobs() -> None:
    none, many = (
        Idle(jobs=jobs, cpu=0.01, memory=size, start=1, claim=1e-4)
        for jobs, size in ((0, 10**8), (100_000, 10**8 + 10**6))
    )
    assert cell(results(idles={"SQLite": [none, many]}), "P10: memory", "SQLite") == "+1 MB"


def test_creation_is_told_in_jobs_per_second() -> None:
    found = results(creations={"SQLite": [Creation(sequential=500, concurrent=900, bulk=12_000)]})
    assert cell(found, "P9: jobs created in bulk", "SQLite") == "12,000/s"


def test_remarks_tell_of_lost_requests_and_of_takes_made_again() -> None:
    told = remarks(results(takes={STEADY: {"loop": [take(lost=3, again=2)]}, SATURATION: {"loop": [take(lost=9)]}}))
    assert "window: 3 of loop at 1,000/s." in told
    assert "Of 2 takes 2 were made again" in told


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert replaced(text, BEGIN, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter"


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        replaced("text", BEGIN, "new")


def test_a_quantile_is_the_entry_below_which_that_share_lies() -> None:
    assert [quantile(list(range(100)), share) for share in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert quantile([], 0.5) == 0.0
