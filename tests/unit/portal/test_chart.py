"""Durations as bars: the newest attempts of the main action, scaled to the longest, said in a sentence."""

from datetime import UTC, datetime, timedelta

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.portal.jobs.chart import HEIGHT, MARK, SHOWN, chart_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ran(
    milliseconds: int,
    status: HistoryStatus = HistoryStatus.COMPLETED,
    action: ActionName = ActionName.MAIN,
) -> HistoryRow:
    """Return the row of an attempt that took so long."""
    return HistoryRow(
        job_id=JobId(1),
        occurrence_id=OccurrenceId("one"),
        scheduled_time=NOON,
        start_time=NOON,
        end_time=NOON + timedelta(milliseconds=milliseconds),
        action_name=action,
        status=status,
        attempt=1,
    )


def test_what_did_not_run_is_not_drawn() -> None:
    assert chart_of([]) is None
    assert chart_of([ran(0, HistoryStatus.POSTPONED), ran(9, action=ActionName.ERROR)]) is None


def test_bars_go_from_the_oldest_to_the_newest_and_the_longest_fills_the_room() -> None:
    chart = chart_of([ran(100), ran(400, HistoryStatus.FAILED), ran(200)])
    assert chart is not None
    assert [bar.height for bar in chart.bars] == [HEIGHT / 2, HEIGHT, HEIGHT / 4]
    assert [bar.failed for bar in chart.bars] == [False, True, False]
    assert [bar.words for bar in chart.bars][1] == "failed after 400 ms"
    assert all(round(bar.y + bar.height, 1) == HEIGHT + MARK for bar in chart.bars)
    assert [(level.name, level.words) for level in chart.levels] == [("p50", "200 ms"), ("p99", "400 ms")]


def test_no_more_are_drawn_than_fit_and_none_vanishes() -> None:
    chart = chart_of([ran(0)] * (SHOWN + 5))
    assert chart is not None
    assert len(chart.bars) == SHOWN
    assert all(bar.height > 0 for bar in chart.bars)


def test_a_sentence_says_what_the_bars_show() -> None:
    one, many = chart_of([ran(50, HistoryStatus.FAILED)]), chart_of([ran(50), ran(70)])
    assert one is not None
    assert many is not None
    assert one.summary == "The only attempt failed after 50 ms."
    assert many.summary == "Of the last 2 attempts all succeeded. Half took up to 50 ms, 99 in 100 up to 70 ms."
