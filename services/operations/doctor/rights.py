"""What an identity may do on the bus, tried without anybody at work noticing.

Nothing retained is written, and nothing goes where a service keeps its state unless it is what stands there already.
A subscription that is granted proves nothing: Mosquitto, with an access list in a file, grants all of them and keeps
the messages back. So reading is proven by what came, writing by the broker's answer to a message, and both together by
a message that comes back.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from services.operations.doctor.findings import Notes
from shared.bus import Delivery, Publication, PublicationRefusedError
from shared.bus.inspection import Visit

PROBE_EXPIRY = timedelta(seconds=5)
_LISTEN_SECONDS = 3.0
_ECHO_SECONDS = 2.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that the identity must be able to read, and what comes there, in plain words."""

    what: str
    topic_filter: str


class Answer(StrEnum):
    """How much a probe can prove: that it comes back, or only that the broker takes it."""

    ECHO = "echo"
    TAKEN = "taken"


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A message that harms nobody, and the right that it proves, in plain words."""

    what: str
    publication: Publication
    answer: Answer


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What a service needs. `probes` are made from what was heard; `untried` is what no probe can go near, and why."""

    readings: tuple[Reading, ...]
    probes: Callable[[Sequence[Delivery]], Iterable[Probe]]
    untried: str


def probe(what: str, topic: str, payload: bytes, answer: Answer) -> Probe:
    """Return a probe that is not retained and soon forgotten."""
    kind = "application/json" if payload else None
    sent = Publication(topic=topic, payload=payload, expiry=PROBE_EXPIRY, content_type=kind)
    return Probe(what=what, publication=sent, answer=answer)


async def examine_rights(visit: Visit, rights: Rights, identity: str, notes: Notes) -> None:
    """Listen, then speak. Raises BusUnavailableError."""
    filters = [reading.topic_filter for reading in rights.readings]
    denied = await visit.subscribe(filters)
    await visit.until_quiet(_LISTEN_SECONDS)
    for one in rights.probes(tuple(visit.heard)):
        await _try(visit, one, identity, notes)
    _judge_readings(visit, rights.readings, denied, identity, notes)
    notes.skip("rights not tried", rights.untried)
    await visit.unsubscribe(filters)


async def _try(visit: Visit, one: Probe, identity: str, notes: Notes) -> None:
    topic, payload = one.publication.topic, one.publication.payload
    before = len(visit.heard)
    try:
        await visit.publish(one.publication)
    except PublicationRefusedError as fault:
        notes.fail("writing", f"{identity} may not write {one.what} ({topic}): {fault}", _allow("write", topic))
        return
    if one.answer is Answer.TAKEN:
        notes.ok("writing", f"{identity} may write {one.what}")
    elif await visit.until(lambda heard: _came(heard[before:], topic, payload), _ECHO_SECONDS):
        notes.ok("writing and reading", f"{identity} may write and read {one.what}: it came back")
    else:
        notes.fail(
            "writing and reading",
            f"what {identity} writes to {one.what} ({topic}) was taken and does not come back",
            f"{_allow('read', topic)}; a broker that drops what it forbids without a word shows like this, too",
        )


def _came(heard: Iterable[Delivery], topic: str, payload: bytes) -> bool:
    return any(each.topic == topic and each.payload == payload for each in heard)


def _judge_readings(
    visit: Visit, readings: Iterable[Reading], denied: dict[str, str], identity: str, notes: Notes
) -> None:
    silent = []
    for reading in readings:
        if why := denied.get(reading.topic_filter):
            allow = _allow("read", reading.topic_filter)
            notes.fail("reading", f"{identity} may not subscribe to {reading.what}: {why}", allow)
        elif any(_matches(reading.topic_filter, each.topic) for each in visit.heard):
            notes.ok("reading", f"{identity} may read {reading.what}: some came")
        else:
            silent.append(reading.what)
    if silent:
        why = "nothing came, which does not tell whether there is nothing or the access rules keep it back"
        notes.skip("reading", f"{', '.join(silent)}: {why}")


def _matches(topic_filter: str, topic: str) -> bool:
    """Whether a filter covers a topic; `+` stands for a level, ours have no `#`."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(a in ("+", b) for a, b in zip(wanted, levels, strict=True))


def _allow(what: str, topic: str) -> str:
    shipped = "k8s/base/broker/mosquitto.acl has what each identity needs"
    return f"have the broker's access rules let it {what} {topic} ({shipped})"
