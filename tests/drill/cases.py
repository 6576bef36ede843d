"""The evidence, job by job: what each check of the judge looks at."""

from collections import defaultdict
from collections.abc import Iterator

from tests.drill.records import Act, DrillJob, Evidence, Request, Row, Tally, Verb, Violation, Wrong
from tests.drill.windows import Span, Windows


class Case:
    """One job: its requests by arrival, its rows by start, and what was going on around it."""

    def __init__(
        self, job: DrillJob, requests: list[Request], rows: list[Row], evidence: Evidence, windows: Windows
    ) -> None:
        self.job = job
        self.requests = sorted(requests, key=lambda request: request.arrived)
        self.rows = sorted(rows, key=lambda row: row.started)
        self.windows = windows
        self.known_until = evidence.read.get(job.name, evidence.closed)
        """Rows written later were not read any more."""
        self.tally: Tally | None = next((tally for tally in evidence.tallies if tally.job == job.name), None)
        self.runs: dict[str, Act] = {act.occurrence: act for act in windows.acts(job.name, Verb.RUN)}
        self._requests: dict[str, list[Request]] = defaultdict(list)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        for request in self.requests:
            self._requests[request.occurrence].append(request)
        for row in self.rows:
            self._rows[row.occurrence].append(row)

    @property
    def occurrences(self) -> list[str]:
        """Every occurrence that anybody knows of."""
        return list({**self._requests, **self._rows})

    def requests_of(self, occurrence: str) -> list[Request]:
        """Return the requests of an occurrence, by arrival."""
        return self._requests.get(occurrence, [])

    def rows_of(self, occurrence: str) -> list[Row]:
        """Return the rows of an occurrence, by start."""
        return self._rows.get(occurrence, [])

    def dues(self) -> Iterator[float]:
        """Yield the job's due instants: the judge's own arithmetic, not the scheduler's."""
        yield self.job.first
        if self.job.every is not None:
            for number in range(1, int((self.job.last - self.job.first) / self.job.every + 1e-6) + 1):
                yield self.job.first + number * self.job.every

    def busy(self, *, apart_from: str = "") -> list[Span]:
        """Return when occurrences of the job were under way, the waits between their attempts included."""
        return [self._busy(occurrence) for occurrence in self.occurrences if occurrence != apart_from]

    def _busy(self, occurrence: str) -> Span:
        moments = [moment for each in self.requests_of(occurrence) for moment in (each.arrived, each.ended)]
        moments += [moment for row in self.rows_of(occurrence) for moment in (row.started, row.ended)]
        return Span(min(moments), max(moments))

    def wrong(self, wrong: Wrong, at: float, said: str, occurrence: str = "") -> Violation:
        """Return a violation by this job."""
        return Violation(wrong=wrong, job=self.job.name, at=at, said=said, occurrence=occurrence)


def cases(evidence: Evidence) -> list[Case]:
    """Return the evidence by job; requests of jobs that nobody made are a case of their own."""
    windows = Windows(evidence)
    requests: dict[str, list[Request]] = defaultdict(list)
    rows: dict[str, list[Row]] = defaultdict(list)
    for request in evidence.requests:
        requests[request.job].append(request)
    for row in evidence.rows:
        rows[row.job].append(row)
    return [Case(job, requests[job.name], rows[job.name], evidence, windows) for job in evidence.jobs]
