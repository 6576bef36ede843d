"""A whole site lives through an event and a loss; a program beside it hears every message with all its properties."""

from pathlib import Path

import msgspec

from tests.parts.asyncapi import document
from tests.parts.bus_contract import Contract
from tests.parts.bus_recorder import Heard
from tests.parts.bus_story import everything_said

ONLY_FOR_OTHERS = {"responseTopic"}
"""Where a watcher would answer somebody else than a scheduler; the schedulers' replies have a channel of their own."""


async def test_every_message_is_as_documented_and_every_documented_message_is_heard(tmp_path: Path) -> None:
    contract = Contract(document())
    heard = await everything_said(tmp_path)
    assert [fault for each in heard for fault in contract.faults(each)] == []
    assert {contract.channel_of(each.topic) for each in heard} == contract.channels.keys() - ONLY_FOR_OTHERS
    assert {contract.message_of(each) for each in heard} == contract.messages.keys()
    assert set() < replies(heard) <= requests(heard)
    ids = [(event["source"], event["id"]) for event in cloud_events(heard)]
    assert len(ids) == len(set(ids))


def requests(heard: list[Heard]) -> set[tuple[str | None, bytes | None]]:
    return {(each.response_topic, each.correlation) for each in heard if each.response_topic is not None}


def replies(heard: list[Heard]) -> set[tuple[str | None, bytes | None]]:
    return {(each.topic, each.correlation) for each in heard if "/replies/" in each.topic}


def cloud_events(heard: list[Heard]) -> list[dict[str, str]]:
    payloads = [msgspec.json.decode(each.payload) for each in heard if each.payload]
    return [payload for payload in payloads if "specversion" in payload]
