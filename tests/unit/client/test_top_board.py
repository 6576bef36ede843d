"""What `leeward top` shows: order, panes, scrolling, a pause; and how it fits a screen."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from services.client.top.board import Board, Everything, News, PaneName
from services.client.top.drawing import draw, rooms
from services.client.top.keyboard import Key, keys_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOSTS = [
    {"host": "db-0", "condition": "available", "watcher": "online", "held": 0},
    {"host": "db-1", "condition": "interrupted", "watcher": "online", "held": 3, "reason": "Reboot [red]now[/red]"},
]
EVENT = {"type": "Reboot", "resources": ["db-1"], "outcome": "active", "firstSeenAt": "2026-03-02T11:59:00Z"}


def a_board(jobs: int = 3) -> Board:
    board = Board()
    named = [{"collection": "demo", "name": f"j{number}", "state": "enabled"} for number in range(jobs)]
    board.fill(Everything(hosts=HOSTS, events=[EVENT], jobs=named, is_whole=False))
    return board


def shown(board: Board, pane: PaneName, field: str) -> list[Any]:
    return [row[field] for row in board.panes[pane].sorted()]


def drawn(board: Board, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, color_system=None)
    with console.capture() as capture:
        console.print(draw(board, "http://x", NOON, height))
    return capture.get().splitlines()


def test_what_happened_last_comes_first() -> None:
    board = a_board()
    board.hear("demo/j1", News(what="held", at=NOON))
    board.hear("other/new", News(what="succeeded", at=NOON + timedelta(seconds=1), host="db-0"))
    assert shown(board, PaneName.JOBS, "job")[:2] == ["other/new", "demo/j1"]
    board.hear("demo/j1", News(what="started", at=NOON - timedelta(seconds=1)))
    assert shown(board, PaneName.JOBS, "news")[:2] == ["succeeded", "held"]


def test_each_pane_is_sorted_by_its_own() -> None:
    board = a_board()
    board.focus_next()
    assert board.focus is PaneName.HOSTS
    board.focused.sort_next()
    assert (board.focused.sort.name, shown(board, PaneName.HOSTS, "host")) == ("condition", ["db-1", "db-0"])
    for _ in range(2):
        board.focused.sort_next()
    assert shown(board, PaneName.HOSTS, "host") == ["db-0", "db-1"]


def test_a_pause_holds_everything_still_and_its_end_shows_what_has_come() -> None:
    board = a_board()
    board.pause()
    board.fill(Everything())
    board.hear("demo/new", News(what="held", at=NOON))
    assert (len(shown(board, PaneName.HOSTS, "host")), len(shown(board, PaneName.JOBS, "job"))) == (2, 3)
    board.pause()
    assert (shown(board, PaneName.HOSTS, "host"), shown(board, PaneName.JOBS, "job")) == ([], ["demo/new"])


def test_a_job_that_is_there_no_more_is_gone_and_one_beyond_the_list_stays() -> None:
    for whole, left in ((True, 3), (False, 4)):
        board = a_board()
        board.hear("other/gone", News(what="failed", at=NOON))
        board.fill(Everything(jobs=[{"collection": "demo", "name": name} for name in "abc"], is_whole=whole))
        assert len(shown(board, PaneName.JOBS, "job")) == left


def test_scrolling_ends_where_the_rows_end() -> None:
    pane = a_board(30).panes[PaneName.JOBS]
    pane.scroll(100, 10)
    assert pane.first == 20
    pane.scroll(-100, 10)
    assert pane.first == 0


def test_a_screen_of_any_size_is_filled_and_never_overrun() -> None:
    board = a_board(200)
    for width, height in ((200, 60), (80, 24), (40, 12), (20, 6), (10, 5)):
        lines = drawn(board, width, height)
        assert len(lines) == height
        assert max(map(len, lines)) <= width


def test_a_low_screen_has_the_pane_that_keys_are_about() -> None:
    assert set(rooms(a_board(), 8)) == {PaneName.JOBS}
    assert set(rooms(a_board(), 24)) == set(PaneName)


def test_words_of_others_are_shown_as_they_are() -> None:
    text = "\n".join(drawn(a_board(), 120, 24))
    assert "Reboot [red]now[/red]" in text
    assert "2 hosts, 3 jobs, 1 active events, 3 held" in text


def test_keys_are_known_one_by_one_and_the_rest_is_nothing() -> None:
    assert keys_of(b"p\x1b[A\x1b[6~\tsx\x1bq") == [
        *(Key.PAUSE, Key.UP, Key.PAGE_DOWN, Key.PANE, Key.SORT, Key.QUIT),
    ]
    assert keys_of(b"\xff\xc3\xa4") == []
