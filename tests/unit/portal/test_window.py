"""Where instants lie in the stretch of time that the weather shows."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.portal.overview.window import Zoom, window_at

NOW = datetime(2026, 3, 2, 12, 7, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zoom", "back", "ahead"),
    [
        (Zoom.CLOSE, timedelta(minutes=10), timedelta(minutes=10)),
        (Zoom.USUAL, timedelta(hours=1), timedelta(hours=2)),
        (Zoom.FAR, timedelta(hours=6), timedelta(hours=12)),
    ],
)
def test_a_zoom_shows_at_least_what_it_says(zoom: Zoom, back: timedelta, ahead: timedelta) -> None:
    window = window_at(zoom, NOW)
    assert window.start <= NOW - back < window.start + window.step
    assert NOW + ahead < window.end <= NOW + ahead + window.step


def test_columns_begin_at_round_times_and_fill_the_window() -> None:
    window = window_at(Zoom.USUAL, NOW)
    assert [f"{at:%H:%M}" for at in window.columns[:3]] == ["11:00", "11:15", "11:30"]
    assert window.columns[-1] + window.step == window.end


def test_the_window_moves_only_when_a_step_is_over() -> None:
    starts = {window_at(Zoom.USUAL, NOW + timedelta(seconds=second)).start for second in range(0, 420, 7)}
    assert len(starts) == 1


def test_what_lies_outside_lies_on_the_nearer_edge() -> None:
    window = window_at(Zoom.CLOSE, NOW)
    assert window.percent(window.start - timedelta(days=1)) == 0
    assert window.percent(window.end + timedelta(days=1)) == 100
    assert window.percent(window.start + (window.end - window.start) / 4) == 25
