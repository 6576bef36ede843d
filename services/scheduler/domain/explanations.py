"""Decisions told to people: one plain sentence for each, from what history keeps of it. Pure."""

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.hosts import MANUAL
from services.scheduler.domain.policies import Level
from services.scheduler.domain.rehearsals import kind_words

_LAST = "every host that would do is threatened, {host} for the longest time not yet"
SENTENCES: dict[tuple[Verdict, Cause], str] = {
    (Verdict.RAN, Cause.UNPLACED): "It ran{after}: no known host serves it.",
    (Verdict.RAN, Cause.HOME): "It ran on {host}{after}: that is the host it is for.",
    (Verdict.RAN, Cause.SPREAD): "It ran on {host}{after}: it was the least busy of the hosts that were free.",
    (Verdict.RAN, Cause.STICKY): "It ran on {host}{after}: of the hosts that were free the job keeps to this one.",
    (Verdict.RAN, Cause.RANDOM): "It ran on {host}{after}: it was drawn from the hosts that were free.",
    (Verdict.RAN, Cause.IGNORED): "It ran on {host}{after}, in spite of {threat}: {policy} ignores it.",
    (Verdict.RAN, Cause.TIME_LEFT): "It ran on {host}{after}: {threat} left it the time to be done.",
    (Verdict.RAN, Cause.LEAST_URGENT): f"It ran on {{host}}{{after}}: {_LAST}.",
    (Verdict.REROUTED, Cause.EVENT): "It ran on {host}{after} and not on {away}: {why}.",
    (Verdict.REROUTED, Cause.CORDON): "It ran on {host}{after} and not on {away}, {why}.",
    (Verdict.REROUTED, Cause.FULL): "It ran on {host}{after} and not on {away}, which was full.",
    (Verdict.REROUTED, Cause.WARMING_UP): "It ran on {host}{after} and not on {away}, which had only just come back.",
    (Verdict.REROUTED, Cause.LOST): "It ran on {host}{after} and not on {away}, which is not coming back.",
    (Verdict.REROUTED, Cause.LEAST_URGENT): f"It ran on {{host}}{{after}} and not on {{away}}: {_LAST}.",
    (Verdict.HELD, Cause.EVENT): "It was held for {host}: {why}.",
    (Verdict.HELD, Cause.CORDON): "It was held for {host}, {why}.",
    (Verdict.HELD, Cause.UNKNOWN_HOST): "It was held: {why}.",
    (Verdict.CANCELLED, Cause.EVENT): "It was broken off on {host}: {why}.",
    (Verdict.CANCELLED, Cause.CORDON): "It was broken off on {host}, {why}.",
    (Verdict.CANCELLED, Cause.DEADLINE): "It was broken off on {host}, as its time was up: {why}.",
    (Verdict.CANCELLED, Cause.STOPPING): "It was broken off to be repeated: the scheduler that ran it stopped.",
    (Verdict.SKIPPED, Cause.OVERLAP): "It was skipped: the occurrence before it still ran.",
    (Verdict.SKIPPED, Cause.DISABLED): "It was skipped: {why}.",
    (Verdict.SKIPPED, Cause.COALESCED): "It was skipped at the release: a later one that had been held with it ran.",
    (
        Verdict.SKIPPED,
        Cause.SKIPPED_AT_RELEASE,
    ): "It was skipped at the release: the policy lets none of them run.",
    (Verdict.SKIPPED, Cause.OTHER): "It was skipped: {why}.",
    (Verdict.MISSED, Cause.LOST): "It was missed: {host} is not coming back, and the job may run nowhere else.",
    (Verdict.MISSED, Cause.UNKNOWN_HOST): "It was missed: {why}, for longer than the catch-up window.",
    (Verdict.MISSED, Cause.COALESCED): "It was missed while it could not start, and a later one ran for it.",
    (
        Verdict.MISSED,
        Cause.WINDOW_PASSED,
    ): "It was missed while it could not start: the catch-up window has passed.",
    (Verdict.MISSED, Cause.NOT_CAUGHT_UP): "It was missed while it could not start, and the job catches nothing up.",
    (Verdict.MISSED, Cause.NOT_PLANNABLE): "It was missed: {why}.",
    (Verdict.MISSED, Cause.OTHER): "It was missed: {why}.",
}
"""For each pair of CAUSES; what stands in braces is of the row."""
_UNKEPT = "It {verdict}, {why}."
"""For rows that are older than records of decisions."""
_UNSAID = "the reason was not kept"
_STATUSES = {
    HistoryStatus.COMPLETED: Verdict.RAN,
    HistoryStatus.FAILED: Verdict.RAN,
    HistoryStatus.POSTPONED: Verdict.HELD,
    HistoryStatus.SKIPPED: Verdict.SKIPPED,
    HistoryStatus.MISSED: Verdict.MISSED,
}
_POLICIES = {
    Level.JOB: "the job",
    Level.COLLECTION: "its collection",
    Level.FLEET: "the fleet",
    Level.DEFAULT: "the default policy",
}


def statuses_of(verdict: Verdict) -> frozenset[HistoryStatus]:
    """Return the states of rows without a record that stand for a verdict."""
    return frozenset(status for status, said in _STATUSES.items() if said is verdict)


def decision_of(row: HistoryRow) -> DecisionRecord:
    """Return the decision of a row; where none was kept, the one that it shows.

    Runs that no known host serves are stored without: most of all runs may be such.
    """
    if row.decision is not None:
        return row.decision
    verdict = _STATUSES[row.status]
    is_unplaced = verdict is Verdict.RAN and row.host is None
    return DecisionRecord(verdict=verdict, cause=Cause.UNPLACED if is_unplaced else Cause.OTHER)


def explain(row: HistoryRow) -> str:
    """Return why the row's occurrence ran where and when it did, was held, moved, broken off, or did not run."""
    record = decision_of(row)
    sentence = SENTENCES.get((record.verdict, record.cause), _UNKEPT)
    return sentence.format(
        verdict={Verdict.RAN: "ran"}.get(record.verdict, f"was {record.verdict}"),
        host=row.host or "its host",
        away=record.away_from or "its host",
        after=_after(row, record),
        threat=_threat(record),
        why=_why(row, record),
        policy=_POLICIES[record.decided_by or Level.DEFAULT],
    )


def _after(row: HistoryRow, record: DecisionRecord) -> str:
    """Return what it had waited for before."""
    if record.held_for is None:
        return ""
    is_there = row.host is not None and row.host.lower() == record.held_for
    under = f" ({_kind(record.held_under)})" if record.held_under else ""
    return f" after having been held for {'it' if is_there else record.held_for}{under}"


def _threat(record: DecisionRecord) -> str:
    due = f" due at {record.not_before:%Y-%m-%d %H:%M:%S} UTC" if record.not_before is not None else ""
    return f"{kind_words(record.event_id or '', _kind(record.event_type))}{due}"


def _kind(event_type: str) -> str:
    return "a cordon" if event_type == MANUAL else event_type or "an event"


def _why(row: HistoryRow, record: DecisionRecord) -> str:
    """Return the row's own reason without what the sentence says already."""
    reason = row.reason
    for said in ("broken off: ", f"moved off {record.away_from}: ", f"{record.away_from}: ", f"{row.host}: "):
        reason = reason.removeprefix(said)
    return reason or (_threat(record) if record.event_type else _UNSAID)
