"""The weather's rows: what stands where, what comes first, and what is said of it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.domain.jobs import JobId
from services.scheduler.portal.overview.forecast import ELSEWHERE, Coming, Fate, Place, PlaceKind
from services.scheduler.portal.overview.sheet import BINS, Known, Row
from services.scheduler.portal.overview.signs import Sign
from services.scheduler.portal.overview.weather import HOST_ROWS, QUIET_ROWS, Weather, draw
from services.scheduler.portal.overview.window import Zoom, window_at
from services.scheduler.store.records import EventOutcome, EventRecord
from services.scheduler.store.search import Mark
from tests.parts.builders import ANNOUNCED, NOON, fleet, host

WINDOW = window_at(Zoom.USUAL, NOON)
MOVED = DecisionRecord(verdict=Verdict.REROUTED, cause=Cause.EVENT, away_from="db-0", event_type="Reboot")
RELEASED = DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME, held_for="db-0")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def mark(
    where: str | None, status: HistoryStatus = HistoryStatus.COMPLETED, *, minutes: float = -10, **more: object
) -> Mark:
    fields: dict[str, object] = {"job_id": JobId(1), "decision": None, **more}
    return Mark(host=where, at=at(minutes), status=status, **fields)  # type: ignore[arg-type]


def report(name: str, *pools: str) -> HostReport:
    return HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=pools)


def weather(*names: str, **known: object) -> Weather:
    """Return the drawing of hosts, each named after its pool: `db-0` is in the pool db."""
    reports = [report(name, name.partition("-")[0]) for name in names]
    views = fleet(*(host(one.host, pools=one.pools) for one in reports))
    fields: dict[str, object] = {"events": [], "marks": [], "coming": [], "homes": {}, **known}
    return draw(Known(reports=reports, fleet=views, **fields), WINDOW)  # type: ignore[arg-type]


def rows(drawn: Weather) -> dict[str, Row]:
    return {row.label: row for group in drawn.groups for row in group.rows}


def labels(drawn: Weather) -> list[str]:
    return [row.label for group in drawn.groups for row in group.rows]


def signs(row: Row) -> list[Sign]:
    return [tick.sign for tick in row.ticks]


def event(name: str, **changes: object) -> EventRecord:
    hosts = {name: ANNOUNCED.hosts.get(name)}
    return replace(ANNOUNCED, event_id=f"E-{name}", first_seen_at=at(-5), not_before=at(5), hosts=hosts, **changes)


def test_what_succeeded_is_one_outline_with_a_tick_for_each_instant() -> None:
    drawn = weather("db-0", marks=[mark("db-0", minutes=-10), mark("db-0", minutes=-10), mark("db-0", minutes=-40)])
    row = rows(drawn)["db-0"]
    assert row.happened.count("M") == 2
    assert row.ticks == ()
    assert row.title == "3 succeeded"


def test_each_outcome_has_a_sign_of_its_own_where_it_happened() -> None:
    drawn = weather(
        "db-0", marks=[mark("db-0", status, minutes=-number) for number, status in enumerate(HistoryStatus)]
    )
    assert set(signs(rows(drawn)["db-0"])) == {Sign.FAILED, Sign.HELD, Sign.SKIPPED, Sign.MISSED}


def test_what_was_rerouted_leaves_one_row_and_stands_on_the_other() -> None:
    drawn = rows(weather("db-0", "db-1", marks=[mark("db-1", decision=MOVED)]))
    assert signs(drawn["db-0"]) == [Sign.LEFT]
    assert signs(drawn["db-1"]) == [Sign.MOVED]
    assert drawn["db-0"].ticks[0].x == drawn["db-1"].ticks[0].x
    assert "moved from db-0, because of Reboot" in drawn["db-1"].ticks[0].title
    assert "ran on db-1" in drawn["db-0"].ticks[0].title


def test_what_ran_late_after_waiting_is_told_from_what_ran_in_time() -> None:
    row = rows(weather("db-0", marks=[mark("db-0", decision=RELEASED)]))["db-0"]
    assert signs(row) == [Sign.MOVED]
    assert row.ticks[0].title.endswith("held for db-0 before")


def test_what_is_held_for_a_pool_stands_on_the_pools_own_row() -> None:
    drawn = weather("db-0", marks=[mark("db", HistoryStatus.POSTPONED)])
    assert labels(drawn) == ["db-0", "any host"]
    assert signs(rows(drawn)["any host"]) == [Sign.HELD]


def test_what_names_no_host_stands_where_its_job_runs_or_on_no_known_host() -> None:
    homes = {JobId(7): Place(PlaceKind.HOST, "db-0")}
    marks = [mark(None, HistoryStatus.MISSED, job_id=JobId(7)), mark(None, HistoryStatus.FAILED)]
    drawn = rows(weather("db-0", marks=marks, homes=homes))
    assert signs(drawn["db-0"]) == [Sign.MISSED]
    assert signs(drawn["no known host"]) == [Sign.FAILED]


def test_many_at_once_are_one_sign_with_a_number() -> None:
    drawn = weather("db-0", marks=[mark("db-0", HistoryStatus.FAILED, minutes=-10 + n / 1000) for n in range(50)])
    [tick] = rows(drawn)["db-0"].ticks
    assert tick.title == "50 failed, 11:50:00 UTC and around"


def test_what_is_to_come_is_drawn_by_its_fate() -> None:
    place = Place(PlaceKind.HOST, "db-0")
    coming = [Coming(at(10 + n), place, fate) for n, fate in enumerate(Fate)]
    row = rows(weather("db-0", coming=coming))["db-0"]
    assert row.coming.count("M") == 1
    assert signs(row) == [Sign.WAITING, Sign.LEAVING, Sign.ENDING]


def test_hosts_with_events_come_first_then_those_with_news() -> None:
    drawn = weather(
        "a-0", "b-0", "c-0", "d-0", events=[event("d-0")], marks=[mark("c-0", HistoryStatus.FAILED), mark("b-0")]
    )
    assert labels(drawn) == ["d-0", "c-0", "b-0", "a-0"]


def test_hosts_stand_by_pool_and_the_pools_own_row_after_them() -> None:
    coming = [Coming(at(5), Place(PlaceKind.POOL, "db"), Fate.RUNS), Coming(at(5), ELSEWHERE, Fate.RUNS)]
    drawn = weather("db-0", "db-1", "web-0", coming=coming)
    assert [(group.pool, [row.label for row in group.rows]) for group in drawn.groups] == [
        ("db", ["db-0", "db-1", "any host"]),
        ("web", ["web-0"]),
        ("", ["no known host"]),
    ]


def test_more_hosts_than_there_is_room_for_are_summed_up_in_words() -> None:
    names = [f"db-{number:03}" for number in range(HOST_ROWS + 20)]
    marks = [mark(name) for name in names]
    drawn = weather(*names, events=[event(names[-1])], marks=marks)
    assert len(labels(drawn)) == HOST_ROWS
    assert labels(drawn)[0] == names[-1]
    assert (drawn.hidden, drawn.rest) == (20, "20 succeeded")


def test_hosts_of_which_there_is_nothing_to_tell_take_little_room() -> None:
    names = [f"db-{number:03}" for number in range(100)]
    drawn = weather(*names, marks=[mark(names[-1])])
    assert labels(drawn) == [names[-1], *names[: QUIET_ROWS - 1]]
    assert (drawn.hidden, drawn.rest) == (100 - QUIET_ROWS, "")


def test_a_host_that_only_an_event_names_has_a_row_without_a_page() -> None:
    gone = event("gone", outcome=EventOutcome.COMPLETED, ended_at=at(-1))
    row = rows(weather("db-0", events=[gone]))["gone"]
    assert (row.host, row.condition) == (None, None)
    assert row.bars


def test_the_sentence_says_what_the_row_draws() -> None:
    drawn = weather(
        "db-0",
        events=[event("db-0")],
        marks=[mark("db-0"), mark("db-0", HistoryStatus.FAILED), mark("db-0", HistoryStatus.POSTPONED)],
        coming=[Coming(at(9), Place(PlaceKind.HOST, "db-0"), Fate.WAITS)],
    )
    sentence = rows(drawn)["db-0"].sentence
    assert sentence.startswith("available; Reboot, announced 11:55:00 UTC, until 12:05:00 UTC;")
    assert sentence.endswith("1 succeeded, 1 failed, 1 held, 1 to come and to be held.")


def test_a_quiet_row_says_so() -> None:
    assert rows(weather("db-0"))["db-0"].sentence == "available; nothing ran and nothing is to come."


def test_nothing_lies_outside_of_the_drawing() -> None:
    marks = [mark("db-0", minutes=minutes) for minutes in (-61, -60, -1, 0)]
    coming = [Coming(WINDOW.end, Place(PlaceKind.HOST, "db-0"), Fate.RUNS)]
    row = rows(weather("db-0", marks=marks, coming=coming))["db-0"]
    assert row.happened.count("M") == 3
    assert f"M{BINS - 1}.5" in row.coming
