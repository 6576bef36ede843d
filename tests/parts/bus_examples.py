"""Examples for docs/asyncapi.yaml: `python -m tests.parts.bus_examples` (make examples) takes them from a real run."""

import asyncio
import re
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.parts.asyncapi import EXAMPLES, document
from tests.parts.bus_contract import Contract
from tests.parts.bus_recorder import Heard
from tests.parts.bus_story import everything_said, shows_all_work

Json = dict[str, Any]

STATES: Mapping[str, tuple[str, ...]] = {
    "HostStatus": ("online", "offline"),
    "ReplicaStatus": ("online", "offline"),
    "Drain": ("draining", "drained"),
}
"""Messages with an example for each of these states."""
_MAIN_HOST = "/db-0/"
_START = datetime(2026, 11, 22, 9, 22, 17, 161000, tzinfo=UTC)
_NOT_BEFORE = datetime(2026, 11, 22, 9, 23, 17, tzinfo=UTC)
_MOVED = timedelta(minutes=1)
_SESSION = "fcbdbe7e6d9b41c4bff4f3680a8dda19"
_IDS = {
    "eventId": "C7061BAC-AFDC-4513-B24B-AA5F13A16123",
    "occurrenceId": "bcdd8fa0-60bc-59b7-beca-faa6de5f2814",
    "session": _SESSION,
    "correlationData": "03f575123c348dae610bbd3d0fc19732",
}
_FIXED = {
    "firstSeenAt": _START,
    "notBefore": _NOT_BEFORE,
    "previousNotBefore": _NOT_BEFORE,
    "deadline": _NOT_BEFORE,
}
_PRESENT = ("at", "time", "observedAt", "lastPollAt", "startedAt", "metadataSince", "scheduledTime")
_SENTENCE_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
_HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_LIFE = re.compile(r"-[0-9a-f]{8}/")


def examples(heard: Iterable[Heard], contract: Contract) -> dict[str, list[Json]]:
    """Return an example for each message, or for each of its states, with ids and times that are always the same."""
    by_message: dict[str, list[Heard]] = {}
    for each in heard:
        by_message.setdefault(contract.message_of(each), []).append(each)
    for several in by_message.values():
        several.sort(key=lambda each: _MAIN_HOST not in each.topic)
    return {
        name: [_example(label, each, number) for label, each in _telling(name, by_message[name])]
        for number, name in enumerate(contract.messages)
        if name in by_message
    }


def _telling(name: str, several: list[Heard]) -> list[tuple[str, Heard]]:
    """Choose the messages that show most."""
    if name == "EventSnapshot":
        calm = next(each for each in several if b'"events":[]' in each.payload)
        announced = next(each for each in several if b'"Scheduled"' in each.payload)
        return [("calm", calm), ("announced", announced)]
    if name in STATES:
        return [(state, _in_state(state, several)) for state in STATES[name]]
    return [("recorded", several[0])]


def _in_state(state: str, several: list[Heard]) -> Heard:
    found = [each for each in several if f'"state":"{state}"'.encode() in each.payload]
    return max(found, key=shows_all_work)


def _example(label: str, heard: Heard, second: int) -> Json:
    """Return what was heard as an example; `second` keeps them in order."""
    payload = msgspec.json.decode(heard.payload) if heard.payload else ""
    now = _START + timedelta(seconds=second)
    headers = {} if heard.response_topic is None else {"responseTopic": heard.response_topic}
    if heard.correlation is not None:
        headers["correlationData"] = heard.correlation.hex()
    return {
        "name": label,
        **({"headers": _stable(headers, now)} if headers else {}),
        "payload": _stable(payload, now),
    }


def _stable(value: Any, now: datetime, key: str = "") -> Any:
    """Return a value with ids and times of its own replaced by those of every recording."""
    if isinstance(value, dict):
        told = {name: _stable(each, now, name) for name, each in value.items()}
        return _postponed(value, told)
    if isinstance(value, list):
        return [_stable(each, now) for each in value]
    return _stable_text(value, now, key) if isinstance(value, str) else value


def _stable_text(text: str, now: datetime, key: str) -> str:
    if key == "id":
        return f"27f347de-f28f-4dc5-919b-{now:%Y%m%d%M%S}"
    if key in _IDS:
        return _IDS[key]
    if key in _FIXED or key in _PRESENT:
        return _written(_FIXED.get(key, now))
    text = _SENTENCE_TIME.sub(f"{_NOT_BEFORE:%Y-%m-%d %H:%M:%S} UTC", text)
    text = _HTTP_DATE.sub(f"{now:%a, %d %b %Y %H:%M:%S} GMT", text)
    return _LIFE.sub(f"-{_SESSION[:8]}/", text)


def _postponed(recorded: Json, told: Json) -> Json:
    """Keep a NotBefore that has changed apart from the one before."""
    before, after = recorded.get("previousNotBefore"), recorded.get("event", {}).get("notBefore")
    if before is None or after is None or before == after:
        return told
    return {**told, "event": {**told["event"], "notBefore": _written(_NOT_BEFORE + _MOVED)}}


def _written(instant: datetime) -> str:
    text: str = msgspec.to_builtins(instant)
    return text


def main() -> None:
    """Run the story and store its examples."""
    with tempfile.TemporaryDirectory() as folder:
        heard = asyncio.run(everything_said(Path(folder)))
    found = examples(heard, Contract(document()))
    EXAMPLES.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


if __name__ == "__main__":
    main()
