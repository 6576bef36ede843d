"""Which happenings are worth a line, and how often."""

from datetime import UTC, datetime, timedelta

from services.local.narrator import Narrator
from services.local.screen import Tone
from services.scheduler.feed import Update

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def execution(state: str, *, at: datetime = NOON, host: str = "db-0", job: str = "backup") -> Update:
    data = {"state": state, "collection": "demo", "job": job, "host": host}
    return Update(kind="execution", at=at, summary=f"demo/{job} {state}", data=data)


def test_events_and_hosts_are_told_as_whole_sentences() -> None:
    narrator = Narrator()
    event = Update(kind="event", at=NOON, summary="Reboot of db-0 is over")
    host = Update(kind="host", at=NOON, summary="db-0 is available again.")
    assert list(narrator.hear(event)) == [(Tone.EVENT, "Reboot of db-0 is over.")]
    assert list(narrator.hear(host)) == [(Tone.HOST, "db-0 is available again.")]


def test_an_ordinary_execution_is_not_news() -> None:
    narrator = Narrator()
    assert not list(narrator.hear(execution("started")))
    assert not list(narrator.hear(execution("succeeded")))


def test_a_rerouted_job_is_told_once_until_it_has_been_quiet_for_a_minute() -> None:
    narrator = Narrator()
    times = [NOON, NOON + timedelta(seconds=50), NOON + timedelta(seconds=100), NOON + timedelta(seconds=200)]
    told = [len(list(narrator.hear(execution("rerouted", at=at)))) for at in times]
    assert told == [1, 0, 0, 1]


def test_each_job_and_each_kind_of_news_has_its_own_line() -> None:
    narrator = Narrator()
    updates = [execution("held"), execution("held", job="vacuum"), execution("released"), execution("failed")]
    assert [len(list(narrator.hear(update))) for update in updates] == [1, 1, 1, 1]


def test_the_tally_counts_by_host_and_then_waits_for_a_change() -> None:
    narrator = Narrator()
    for host in ("db-0", "db-0", ""):
        list(narrator.hear(execution("succeeded", host=host)))
    assert list(narrator.tally(NOON)) == [(Tone.QUIET, "Jobs ran: 2 on db-0, 1 elsewhere.")]
    list(narrator.hear(execution("succeeded")))
    list(narrator.hear(execution("succeeded", host="")))
    assert not list(narrator.tally(NOON + timedelta(seconds=10)))


def test_a_tally_leaves_out_nothing_since_the_last_one() -> None:
    narrator = Narrator()
    for seconds in range(0, 61, 10):
        list(narrator.hear(execution("succeeded", host="db-0")))
        told = list(narrator.tally(NOON + timedelta(seconds=seconds)))
    assert told == [(Tone.QUIET, "Jobs ran: 6 on db-0.")]


def test_the_tally_speaks_up_when_jobs_run_elsewhere_or_fail() -> None:
    narrator = Narrator()
    list(narrator.hear(execution("succeeded")))
    list(narrator.tally(NOON))
    list(narrator.hear(execution("succeeded", host="db-1")))
    list(narrator.hear(execution("failed", host="db-1")))
    assert list(narrator.tally(NOON + timedelta(seconds=10))) == [(Tone.QUIET, "Jobs ran: 1 on db-1; 1 failed.")]


def test_a_spell_in_which_everything_failed_is_told_too() -> None:
    narrator = Narrator()
    list(narrator.hear(execution("failed")))
    assert list(narrator.tally(NOON)) == [(Tone.QUIET, "Jobs ran: none; 1 failed.")]
