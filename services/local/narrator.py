"""Tells what happens as a story: every event and host in full, executions only where they are news."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from services.local.screen import Tone
from services.scheduler.feed import Update
from shared.messages import ExecutionKind

_TONES = {"event": Tone.EVENT, "host": Tone.HOST}
_NEWS = {
    ExecutionKind.REROUTED: Tone.JOB,
    ExecutionKind.HELD: Tone.JOB,
    ExecutionKind.RELEASED: Tone.JOB,
    ExecutionKind.FAILED: Tone.ALARM,
    ExecutionKind.MISSED: Tone.ALARM,
}
_STALE = timedelta(seconds=60)
_QUIET_SPELL = timedelta(seconds=60)

Told = tuple[Tone, str]


class Narrator:
    """Decides what is worth a line; pure, fed with updates and the time."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str, str], datetime] = {}
        self._ran: Counter[str] = Counter()
        self._hosts: set[str] = set()
        self._failed = 0
        self._last_hosts: frozenset[str] = frozenset()
        self._last_tally: datetime | None = None

    def hear(self, update: Update) -> Iterator[Told]:
        """Yield the lines that an update is worth; executions of a job are told once a minute per kind and host."""
        if update.kind in _TONES:
            yield _TONES[update.kind], _sentence(update.summary)
        elif update.kind == "execution":
            yield from self._execution(update)

    def _execution(self, update: Update) -> Iterator[Told]:
        what, host = str(update.data.get("state", "")), str(update.data.get("host") or "")
        if what == ExecutionKind.SUCCEEDED:
            self._ran[host] += 1
            self._hosts.add(host)
        self._failed += what == ExecutionKind.FAILED
        if what not in _NEWS:
            return
        key = (what, f"{update.data.get('collection')}/{update.data.get('job')}", host)
        last = self._told.get(key)
        self._told[key] = update.at
        if last is None or update.at - last > _STALE:
            yield _NEWS[ExecutionKind(what)], _sentence(update.summary)

    def tally(self, now: datetime) -> Iterator[Told]:
        """Yield a count of what ran since the last one, if jobs now run elsewhere, failed, or a minute is over."""
        hosts, self._hosts = frozenset(self._hosts), set()
        is_due = self._last_tally is None or now - self._last_tally >= _QUIET_SPELL
        if not (self._failed or (hosts and (is_due or hosts != self._last_hosts))):
            return
        ran, failed = self._ran, self._failed
        self._ran, self._failed = Counter(), 0
        self._last_hosts, self._last_tally = hosts, now
        yield Tone.QUIET, _count(ran, failed)


def _count(ran: Counter[str], failed: int) -> str:
    places = [f"{count} on {host}" for host, count in sorted(ran.items()) if host]
    if ran[""]:
        places.append(f"{ran['']} elsewhere" if places else f"{ran['']}")
    return f"Jobs ran: {', '.join(places) or 'none'}{f'; {failed} failed' if failed else ''}."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
