"""What the simulation says of itself."""

from datetime import timedelta

import pytest

from tests.simulation.figures import figures
from tests.simulation.ledger import Tally
from tests.simulation.report import BEGIN, END, charts, document, section, table
from tests.simulation.rollout import Course
from tests.simulation.simulation import Run
from tests.simulation.variants import AUTOMATIC, DEFAULTS
from tests.simulation.world import BEGIN as MORNING
from tests.simulation.world import Size

MINUTE = timedelta(minutes=1)


def course(minutes: int) -> Course:
    """Return an event of two hosts that started so long after its announcement and took five minutes."""
    return Course(
        event_id="E1",
        type="Freeze",
        hosts=("a", "b"),
        announced=MORNING,
        not_before=MORNING + 15 * MINUTE,
        is_planned=True,
        started=MORNING + minutes * MINUTE,
        ended=MORNING + (minutes + 5) * MINUTE,
    )


def run(**more: object) -> Run:
    tally = Tally(due=4, late=[0.0, 0.5, 90.0], failed_at=[61.0], held_at=[(10.0, 1), (100.0, -1)])
    tally.fates.update(done=3, failed=1)
    fields: dict[str, object] = {
        "variant": DEFAULTS,
        "tally": tally,
        "courses": [course(15)],
        "hosts": 8,
        "finished": [1200.0],
        "drained": [3.0],
        "overdue": 0,
        "lulls": [600.0],
    }
    return Run(**{**fields, **more})  # type: ignore[arg-type]


def test_lateness_is_of_what_was_done() -> None:
    found = figures(run())
    assert (found.late, found.very_late, found.late_median, found.unaccounted) == (1, 1, 90.0, 0)


def test_curves_say_how_it_stood_at_the_end_of_each_minute() -> None:
    found = figures(run())
    assert found.failed_curve == [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0)]
    assert found.held_curve == [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]
    assert found.updated_curve[-1] == (21.0, 25.0)


def test_the_table_has_a_column_for_each_variant() -> None:
    lines = table([figures(run()), figures(run(variant=AUTOMATIC, courses=[course(2)]))]).splitlines()
    assert lines[0] == "|  | defaults | auto |"
    assert "| **from announcement to start**, median | **15.0 min** | **2.0 min** |" in lines


def test_the_section_stands_between_its_marks_and_says_how_it_was_made() -> None:
    body = section([figures(run())], Size(), seed=7)
    text = document(f"before\n{BEGIN}\nthe last one\n{END}\nafter", body)
    assert text == f"before\n{BEGIN}\n{body}\n{END}\nafter"
    assert all(word in body for word in ("seed 7", "**Real**", "**Simulated**", "**Limits**", "simulation.svg"))


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        document("nothing", "body")


def test_the_pictures_have_a_line_for_each_variant() -> None:
    panels = charts([figures(run()), figures(run(variant=AUTOMATIC))])[0].panels
    assert [[line.name for line in panel.lines] for panel in panels] == [["defaults", "auto"]] * 4
