"""What `leeward top` shows: three panes of rows, sorted, scrolled, perhaps held still. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from services.client.output import Row

_WORST = ("interrupted", "drained", "cordoned", "silent", "available")
_MOST_NEWS = 2000
"""Jobs beyond the listed ones of which the last thing heard is kept."""
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {"completed": "succeeded", "failed": "failed", "postponed": "held", "skipped": "skipped", "missed": "missed"}
)
"""What history calls an outcome, and what the stream does."""


class PaneName(StrEnum):
    """The panes, from top to bottom."""

    HOSTS = "hosts"
    EVENTS = "events"
    JOBS = "jobs"


class Sort(msgspec.Struct, frozen=True):
    """A way to sort a pane."""

    name: str
    key: Callable[[Row], Any]
    descending: bool = False


SORTS: Mapping[PaneName, tuple[Sort, ...]] = MappingProxyType(
    {
        PaneName.HOSTS: (
            Sort("name", lambda row: row["host"]),
            Sort("condition", lambda row: _rank(row["condition"])),
            Sort("held", lambda row: row.get("held") or 0, descending=True),
        ),
        PaneName.EVENTS: (
            Sort("latest", lambda row: str(row.get("firstSeenAt") or ""), descending=True),
            Sort("not before", lambda row: str(row.get("notBefore") or "9")),
            Sort("host", lambda row: row["resources"]),
        ),
        PaneName.JOBS: (
            Sort("latest", lambda row: str(row.get("newsAt") or ""), descending=True),
            Sort("name", lambda row: row["job"]),
            Sort("next", lambda row: str(row.get("next") or "9")),
            Sort("failures", lambda row: row.get("failed") or 0, descending=True),
        ),
    }
)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a job last."""

    what: str
    at: datetime
    host: str = ""


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """What the scheduler answers; `is_whole`: there are no jobs but these."""

    hosts: Sequence[Row] = ()
    events: Sequence[Row] = ()
    jobs: Sequence[Row] = ()
    is_whole: bool = True


class Pane:
    """One pane's rows, their order, and how far they are scrolled."""

    def __init__(self, name: PaneName) -> None:
        self.name = name
        self.rows: Sequence[Row] = ()
        self.first = 0
        self._sort = 0

    @property
    def sort(self) -> Sort:
        """How it is sorted now."""
        return SORTS[self.name][self._sort]

    def sort_next(self) -> None:
        """Sort by the next thing."""
        self._sort = (self._sort + 1) % len(SORTS[self.name])
        self.first = 0

    def sorted(self) -> list[Row]:
        """Return the rows in order."""
        return sorted(self.rows, key=self.sort.key, reverse=self.sort.descending)

    def scroll(self, by: int, room: int) -> None:
        """Move on by so many rows, as far as there are some; `room` are shown."""
        self.first = max(0, min(self.first + by, len(self.rows) - room))


class Board:
    """Everything on the screen but its size."""

    def __init__(self) -> None:
        self._panes = {name: Pane(name) for name in PaneName}
        self._is_settled = True
        self.focus = PaneName.JOBS
        self.is_paused = False
        self.trouble = ""
        self._jobs: dict[str, Row] = {}
        self._news: dict[str, News] = {}
        self._everything = Everything()

    @property
    def panes(self) -> Mapping[PaneName, Pane]:
        """The panes with everything that has been taken in; nothing new while there is a pause."""
        if not self._is_settled and not self.is_paused:
            self._settle()
        return self._panes

    @property
    def focused(self) -> Pane:
        """The pane that keys are about."""
        return self.panes[self.focus]

    def focus_next(self) -> None:
        """Go to the next pane."""
        names = list(PaneName)
        self.focus = names[(names.index(self.focus) + 1) % len(names)]

    def pause(self) -> None:
        """Hold everything still, or let it go on with what has come meanwhile."""
        if not self.is_paused:
            self._settle()
        self.is_paused = not self.is_paused

    def fill(self, now: Everything) -> None:
        """Take in how everything is now."""
        self._everything = now
        self._jobs = {f"{job['collection']}/{job['name']}": job for job in now.jobs}
        if now.is_whole:
            self._news = {job: news for job, news in self._news.items() if job in self._jobs}
        self._is_settled = False

    def hear(self, job: str, news: News) -> None:
        """Take in what happened to a job, unless something later is known."""
        before = self._news.get(job)
        if before is None or before.at <= news.at:
            self._news.pop(job, None)
            self._news[job] = news
            self._is_settled = False
        if len(self._news) > _MOST_NEWS:
            del self._news[next(iter(self._news))]

    def visible_jobs(self, room: int) -> list[str]:
        """Return the names of the jobs on the screen."""
        pane = self.panes[PaneName.JOBS]
        return [row["job"] for row in pane.sorted()[pane.first : pane.first + room]]

    def _settle(self) -> None:
        self._panes[PaneName.HOSTS].rows = self._everything.hosts
        self._panes[PaneName.EVENTS].rows = self._everything.events
        names = dict.fromkeys((*self._jobs, *self._news))
        self._panes[PaneName.JOBS].rows = [_job_row(name, self._jobs.get(name), self._news.get(name)) for name in names]
        self._is_settled = True


def _job_row(name: str, job: Row | None, news: News | None) -> Row:
    status = (job or {}).get("status") or {}
    return {
        "job": name,
        "state": (job or {}).get("state"),
        "news": news.what if news else None,
        "newsAt": news.at if news else None,
        "host": news.host if news else None,
        "next": status.get("nextExecutionTime"),
        "runs": status.get("executionCount"),
        "failed": status.get("failureCount"),
    }


def _rank(condition: str) -> int:
    return _WORST.index(condition) if condition in _WORST else -1
