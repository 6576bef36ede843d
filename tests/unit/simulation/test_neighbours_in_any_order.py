"""Real watchers read one changing document at different instants: however their words arrive, the same comes of it."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.fleet.events import Known, merge
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import EventOutcome
from services.vmwatch.documents import SCHEDULED, STARTED, Document, parse_document
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Board, Draft, Habits
from services.vmwatch.emulator.wire import EVENT_VERSIONS, render_events
from services.vmwatch.errors import MetadataOutcome, MetadataUnavailableError
from services.vmwatch.metrics import Metrics
from services.vmwatch.watcher import Life, Watcher
from shared.bus import Publication
from shared.messages import EventSnapshot, HostStatus, decode
from shared.topics import HostKey, Topics
from tests.parts.builders import inventory
from tests.parts.watching import TurnedClock

NAMES = ("vm_0", "vm_1", "vm_2", "vm_3")
IDS = ("E1", "E2", "E3")
MARGIN = timedelta(minutes=5)
NOTICE = 60.0
LATER = timedelta(hours=1)
"""By then what only dead watchers have told of is given up."""
Word = HostStatus | EventSnapshot

WHO = st.sampled_from(NAMES)
WHICH = st.sampled_from(IDS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("polls"), WHO),
        st.tuples(st.just("fails"), WHO),
        st.tuples(st.just("begins anew"), WHO),
        st.tuples(st.just("dies"), WHO),
        st.tuples(st.sampled_from(["announced", "born started", "moved", "started", "over"]), WHICH),
        st.tuples(st.just("time passes"), st.sampled_from(["1", "30", "90"])),
    ),
    max_size=40,
)


class Town:
    """One document, and watchers that read it; `words` are what each has published, in its order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.clock = TurnedClock()
        self.words: dict[str, list[Word]] = {name: [] for name in names}
        self.board = Board(Pace(self.clock), Habits())
        self._metrics = Metrics("test")
        self._failing = False
        self._lives = 0
        self._raised: set[str] = set()
        self._watchers = {name: self._watcher(name) for name in names}

    @property
    def alive(self) -> list[str]:
        """The hosts with a watcher."""
        return sorted(self._watchers)

    def play(self, steps: list[tuple[str, str]]) -> None:
        """Let all this happen, and at the end have everybody look once more who is left: somebody is."""

        async def played() -> None:
            for verb, what in steps:
                await self._step(verb, what)
            if not self.alive:
                await self._visit("begins anew", min(self.words))
            for name in self.alive:
                await self._visit("polls", name)

        asyncio.run(played())

    async def read_events(self) -> Document:
        """Answer a watcher. Raises MetadataUnavailableError while that is wanted."""
        if self._failing:
            raise MetadataUnavailableError(MetadataOutcome.SERVER_ERROR, "HTTP status 500", status=500)
        events = self.board.advance(self.clock.now())
        return parse_document(msgspec.json.encode(render_events(self.board.incarnation, events, EVENT_VERSIONS[-1])))

    async def _step(self, verb: str, what: str) -> None:
        live = {event.id: event for event in self.board.advance(self.clock.now())}
        match verb:
            case "polls" | "fails" if what in self._watchers:
                await self._visit(verb, what)
            case "begins anew" if what in self.words:
                await self._visit(verb, what)
            case "dies" if what in self._watchers:
                self._watchers.pop(what).leave()
            case "announced" | "born started" if what not in self._raised:
                self._raised.add(what)
                status = STARTED if verb == "born started" else SCHEDULED
                draft = Draft(
                    type="Reboot", status=status, resources=NAMES[:2], notice_seconds=NOTICE, started_seconds=1e6
                )
                self.board.schedule(draft, what, self.clock.now())
            case "moved" if what in live and live[what].is_scheduled:
                self.board.reschedule(what, NOTICE, self.clock.now())
            case "started" if what in live:
                self.board.start(what, self.clock.now())
            case "over" if what in live:
                end = self.board.cancel if live[what].is_scheduled else self.board.finish
                end(what, self.clock.now())
            case "time passes":
                self.clock.turn(float(what))

    async def _visit(self, verb: str, name: str) -> None:
        """Have a watcher look, in vain if it fails; one that begins anew has forgotten everything."""
        self.clock.turn(61.0 if verb == "polls" else 0.0)  # no pause after a failure is longer
        if verb == "begins anew":
            self._watchers[name] = self._watcher(name)
        self._failing = verb == "fails"
        await self._watchers[name].poll()
        await self._watchers[name].beat()

    def _watcher(self, name: str) -> Watcher:
        self._lives += 1
        return Watcher(
            Life(host=name, session=f"s{self._lives}"),
            source=self,
            outlet=_Outlet(self.words[name]),
            topics=Topics(),
            metrics=self._metrics,
            clock=self.clock,
            monotonic=self.clock.monotonic,
        )


class _Outlet:
    def __init__(self, words: list[Word]) -> None:
        self._words = words

    def keep(self, topic: str, payload: bytes) -> None:
        """Take retained state."""
        is_snapshot = topic.endswith("/events")
        self._words.append(decode(payload, EventSnapshot) if is_snapshot else decode(payload, HostStatus))

    def offer(self, _publication: Publication) -> bool:
        """Take a notice."""
        return True


def in_any_order(words: dict[str, list[Word]], random: Random) -> Iterator[Word]:
    """Yield each watcher's words in their order, mixed with the others' in any, some of them twice."""
    left = {name: list(said) for name, said in words.items()}
    while waiting := sorted(name for name, said in left.items() if said):
        word = left[random.choice(waiting)].pop(0)
        yield from [word] * random.choice((1, 1, 2))


def shuffled_by_session(words: dict[str, list[Word]], random: Random) -> dict[str, list[Word]]:
    """Return the same with the snapshots of each session in any order: the sequence tells which is the last."""
    found: dict[str, list[Word]] = {}
    for name, said in words.items():
        places = [place for place, word in enumerate(said) if isinstance(word, EventSnapshot)]
        by_session: dict[str, list[int]] = {}
        for place in places:
            by_session.setdefault(said[place].session, []).append(place)
        found[name] = list(said)
        for own in by_session.values():
            for place, other in zip(own, random.sample(own, len(own)), strict=True):
                found[name][place] = said[other]
    return found


def heard(town: Town, words: Iterable[Word]) -> dict[str, Known]:
    """Return what a scheduler makes of it that merges after each word, and once more when silence has had its time."""
    reports, now = Reports(), town.clock.now()
    known: dict[str, Known] = {}
    for name in town.words:
        reports.take_inventory(HostKey(name), inventory(name))
    for word in words:
        host = HostKey(word.host)
        if isinstance(word, HostStatus):
            reports.take_status(host, word, retained=False, now=now)
        else:
            reports.take_snapshot(host, word)
        known = merge(reports, known, now, MARGIN)
    for name in town.alive:
        reports.take_status(HostKey(name), reports.statuses[HostKey(name)], retained=False, now=now + LATER)
    return merge(reports, known, now + LATER, MARGIN)


def live(known: dict[str, Known]) -> dict[str, tuple[str, str]]:
    return {
        event_id: (each.record.status, str(each.record.not_before if each.record.status == SCHEDULED else ""))
        for event_id, each in known.items()
        if each.record.outcome is EventOutcome.ACTIVE
    }


def true_state(town: Town) -> dict[str, tuple[str, str]]:
    return {
        event.id: (event.status, str(event.not_before.replace(microsecond=0) if event.status == SCHEDULED else ""))
        for event in town.board.advance(town.clock.now())
    }


@given(STEPS, st.integers(2, 4), st.randoms(use_true_random=False))
def test_however_late_and_often_words_come_what_is_true_at_the_end_is_known(
    steps: list[tuple[str, str]], count: int, random: Random
) -> None:
    town = Town(NAMES[:count])
    town.play(steps)
    for words in (town.words, shuffled_by_session(town.words, random)):
        assert live(heard(town, in_any_order(words, random))) == true_state(town)


@given(STEPS, st.integers(2, 4), st.randoms(use_true_random=False))
def test_how_an_event_ended_does_not_depend_on_the_order(
    steps: list[tuple[str, str]], count: int, random: Random
) -> None:
    town = Town(NAMES[:count])
    town.play(steps)
    first, second = ([*in_any_order(town.words, random)] for _ in range(2))
    assert outcomes(heard(town, first)) == outcomes(heard(town, second))


def outcomes(known: dict[str, Known]) -> dict[str, EventOutcome]:
    return {event_id: each.record.outcome for event_id, each in known.items()}
