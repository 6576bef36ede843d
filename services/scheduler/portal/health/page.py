"""The page about Leeward itself: replicas, broker, database, lateness, and what somebody should look at."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isinf

import msgspec
from aiohttp import web

from services.scheduler.api.callers import caller_of
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right, has
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.health.figures import Figures
from services.scheduler.health.rules import Area
from services.scheduler.health.watch import Concern, Verdict, verdict_of
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.lengths import length_words, size_words
from services.scheduler.portal.ports import KeyShown, Line, Replica, SettingShown
from services.scheduler.store.records import Life
from shared.about import product_version
from shared.messages import ReplicaStatus

WINDOW = timedelta(minutes=5)
"""What the page says of lateness is about so long."""
RECENTLY = timedelta(hours=1)
OPEN_AREAS = (Area.STORE, Area.BUS)
"""What callers who are confined to some collections may know: no number of anybody's jobs is in it."""
_TITLES = {
    Area.STORE: "Database",
    Area.BUS: "Broker",
    Area.LATENESS: "Lateness",
    Area.REPLICAS: "Replicas",
    Area.CLOCK: "Clock",
    Area.DUTIES: "Duties",
    Area.TARGETS: "Targets and hosts' room",
    Area.SECRETS: "Secrets and files",
    Area.HOSTS: "Hosts",
}

Facts = tuple[tuple[str, str], ...]


class ReplicaRow(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduler by what the store and the bus say of it; the instants are None where one of them does not know it."""

    name: str
    is_own: bool
    is_alive: bool
    is_overdue: bool
    version: str
    said_at: datetime | None
    renewed_at: datetime | None
    guard: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One subject of the page: the verdict about it, what it comes from, and figures in words."""

    area: Area
    title: str
    verdict: Verdict
    concerns: tuple[Concern, ...]
    facts: Facts = ()


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page at one moment; `replicas`, `keys` and `settings` are empty for those who may not see them."""

    own: str
    version: str
    started_at: datetime
    verdict: Verdict
    parts: tuple[Part, ...]
    line: Line
    is_store_away: bool
    replicas: tuple[ReplicaRow, ...]
    versions: int
    keys: tuple[KeyShown, ...]
    settings: tuple[SettingShown, ...]
    is_confined: bool


class HealthPage:
    """The page about Leeward itself."""

    def __init__(self, services: Services, replica: Replica) -> None:
        self._services = services
        self._replica = replica

    async def show(self, request: web.Request) -> Content:
        """Return the page, also while the database is away: that is what it is for."""
        caller = caller_of(request)
        is_confined = caller.is_confined
        areas = OPEN_AREAS if is_confined else tuple(Area)
        concerns = [one for one in self._replica.concerns() if one.rule.area in areas]
        store = await self._store(is_confined=is_confined)
        lives = None if is_confined else await self._lives()
        facts = {Area.STORE: store or (), **({} if is_confined else self._facts(lives))}
        parts = tuple(_part(area, concerns, facts, is_store_away=store is None) for area in areas)
        replicas = () if is_confined else tuple(self._rows(lives or ()))
        steers = has(caller, Right.STEER)
        view = HealthView(
            own=self._replica.name,
            version=product_version(),
            started_at=self._replica.started_at,
            verdict=_worst(parts),
            parts=parts,
            line=self._replica.line,
            is_store_away=store is None,
            replicas=replicas,
            versions=len({row.version for row in replicas if row.version and row.is_alive}),
            keys=() if is_confined else tuple(self._replica.keys()),
            settings=tuple(self._replica.settings()) if steers else (),
            is_confined=is_confined,
        )
        return Content(title="Health", section=Section.HEALTH, template="health.html", view=view)

    async def _store(self, *, is_confined: bool) -> Facts | None:
        """Look at the database now, and return what it is and how long that took; None when it does not answer."""
        began = time.perf_counter()
        try:
            grounds = await self._services.store.grounds()
        except StoreUnavailableError:
            return None
        took = timedelta(seconds=time.perf_counter() - began)
        if is_confined:
            return (("Answers", "yes"),)
        said = [
            ("Kind", grounds.kind),
            ("Answered within", length_words(took)),
            ("Schema level", "" if grounds.level is None else str(grounds.level)),
            ("Size", "" if grounds.size is None else size_words(grounds.size)),
        ]
        return tuple((name, words) for name, words in said if words)

    async def _lives(self) -> Sequence[Life] | None:
        try:
            return await self._services.store.lives()
        except StoreUnavailableError:
            return None

    def _facts(self, lives: Sequence[Life] | None) -> Mapping[Area, Facts]:
        figures, alive = self._replica.figures, "not known" if lives is None else str(len(lives))
        return {
            Area.REPLICAS: (("Registered", alive), ("Our session", self._replica.session or "none")),
            Area.LATENESS: tuple(_lateness(figures)),
            Area.CLOCK: (("Ahead of the database's", _signed(figures.now("leeward_clock_offset_seconds"))),),
            Area.DUTIES: tuple(_failures(figures)),
            Area.TARGETS: (
                ("Full targets", _count(figures, "leeward_targets_full")),
                ("Waiting for one", _count(figures, "leeward_targets_waiting_occurrences")),
                ("Full hosts", _count(figures, "leeward_hosts_full")),
            ),
            Area.SECRETS: (("Jobs under older keys", _count(figures, "leeward_secrets_under_old_keys")),),
            Area.HOSTS: tuple(_hosts(figures)),
        }

    def _rows(self, lives: Sequence[Life]) -> Iterator[ReplicaRow]:
        """Yield every scheduler that the store or the bus knows, by name."""
        heard = {status.replica: status for status in self._replica.heard()}
        by_name = {life.replica: life for life in lives}
        for name in sorted({*heard, *by_name, self._replica.name}):
            yield self._row(name, by_name.get(name), heard.get(name))

    def _row(self, name: str, life: Life | None, status: ReplicaStatus | None) -> ReplicaRow:
        now, is_own = self._services.clock.now(), name == self._replica.name
        version = product_version() if is_own else status.version if status else ""
        return ReplicaRow(
            name=name,
            is_own=is_own,
            is_alive=is_own or life is not None,
            is_overdue=life is not None and life.lease_until < now,
            version=version,
            said_at=status.at if status else None,
            renewed_at=life.lease_until - life.lease if life else None,
            guard=life.guard.value if life else "",
        )


def _part(area: Area, concerns: Sequence[Concern], facts: Mapping[Area, Facts], *, is_store_away: bool) -> Part:
    verdict = verdict_of(concerns, area)
    if area is Area.STORE and is_store_away:
        verdict = Verdict.LOOK
    return Part(
        area=area,
        title=_TITLES[area],
        verdict=verdict,
        concerns=tuple(one for one in concerns if one.rule.area is area),
        facts=facts.get(area, ()),
    )


def _worst(parts: Sequence[Part]) -> Verdict:
    found = {part.verdict for part in parts}
    return next((verdict for verdict in (Verdict.LOOK, Verdict.PASSING) if verdict in found), Verdict.GOOD)


def _lateness(figures: Figures) -> Iterator[tuple[str, str]]:
    started = figures.started(WINDOW)
    yield "Started within 5 minutes", f"{started:,}"
    if started:
        yield "Half of them within", _within(figures.quantile(0.5, WINDOW))
        yield "99 in 100 within", _within(figures.quantile(0.99, WINDOW))
    yield "Due and not claimed", _count(figures, "leeward_backlog_jobs")
    if oldest := figures.now("leeward_oldest_due_seconds"):
        yield "The oldest of them", length_words(timedelta(seconds=oldest))
    yield "Outcomes not written yet", _count(figures, "leeward_outcomes_waiting")


def _within(limit: float | None) -> str:
    """Return the end of a bucket in words."""
    return "more than a minute" if limit is None or isinf(limit) else length_words(timedelta(seconds=limit))


def _failures(figures: Figures) -> Iterator[tuple[str, str]]:
    found = figures.increases("leeward_duty_failures_total", "duty", RECENTLY)
    yield "Defects within an hour", ", ".join(f"{duty}: {number:.0f}" for duty, number in found.items()) or "none"


def _hosts(figures: Figures) -> Iterator[tuple[str, str]]:
    conditions = figures.each("leeward_hosts", "condition")
    yield "Known", f"{sum(conditions.values()):.0f}"
    yield "Without a watcher", f"{figures.now('leeward_watchers', {'state': 'offline'}):.0f}"
    yield "Held occurrences", f"{figures.now('leeward_occurrences', {'state': 'held'}):.0f}"


def _count(figures: Figures, name: str) -> str:
    number = figures.now(name)
    return f"{number:,.0f}" + (" or more" if number >= 10_000 else "")


def _signed(seconds: float) -> str:
    return f"{'−' if seconds < 0 else ''}{length_words(timedelta(seconds=abs(seconds)))}"
