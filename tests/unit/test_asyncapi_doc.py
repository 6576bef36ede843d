"""docs/asyncapi.yaml is what the code gives, allows what the access list allows, and shows what is said today."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.messages import CloudEvent, EventNotice, ExecutionNotice, to_builtins
from shared.topics import DEFAULT_PREFIX, RESPONDERS_BLOCK, Topics
from tests.parts.asyncapi import DOCUMENT, document, recorded, rendered
from tests.parts.asyncapi_frame import CHANNELS, CLEARED, ROLES, Role
from tests.parts.asyncapi_schemas import STRUCTS, schemas
from tests.parts.asyncapi_words import FIELDS
from tests.parts.bus_contract import Contract

ACCESS_LIST = Path(__file__).parents[2] / "k8s/base/broker/mosquitto.acl"
NO_TOPICS = {"all_hosts", "all_schedulers", "parse", "replies", "takes_replies"}
"""What `Topics` builds that nobody publishes on: filters, and what stands before a reply's last level."""
WRITTEN_BY_PEOPLE = {"Block", CLEARED}


def test_the_document_is_what_the_code_gives() -> None:
    assert DOCUMENT.read_text() == rendered(), "make docs writes it anew"


def test_every_topic_has_a_channel() -> None:
    built = {name for name in vars(Topics) if not name.startswith("_")} - NO_TOPICS
    assert {channel.topic for channel in CHANNELS.values() if channel.topic} == built


def test_every_message_has_an_example_that_is_valid() -> None:
    contract = Contract(document())
    assert list(recorded()) == list(contract.messages), "make examples records them anew"
    checked = [(name, each["payload"]) for name, several in recorded().items() for each in several]
    assert [(name, contract.payload_faults(name, payload)) for name, payload in checked] == [
        (name, []) for name, _ in checked
    ]


@pytest.mark.parametrize("name", sorted(recorded().keys() - WRITTEN_BY_PEOPLE))
def test_an_example_has_every_field_that_is_sent_today(name: str) -> None:
    kinds: dict[str, Any] = {kind.__name__: kind for kind in STRUCTS}
    event = CloudEvent[EventNotice] if name.startswith("Event") else CloudEvent[ExecutionNotice]
    for each in recorded()[name]:
        today = to_builtins(msgspec.convert(each["payload"], kinds.get(name, event)))
        assert list(paths(each["payload"])) == list(paths(today)), "make examples records them anew"


def paths(value: object, before: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from paths(each, f"{before}.{name}")
    elif isinstance(value, list | tuple) and value:
        yield from paths(value[0], f"{before}[]")
    else:
        yield before


def test_words_are_about_fields_that_there_are() -> None:
    there = {
        f"{'CloudEvent' if name.endswith('CloudEvent') else name}.{field}"
        for name, schema in schemas().items()
        for field in schema.get("properties", {})
    }
    assert FIELDS.keys() - there == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_access_list_lets_it_do(role: Role) -> None:
    assert set(documented(role)) == set(allowed(role))


def documented(role: Role) -> Iterator[tuple[str, str]]:
    """Yield the direction and the filter of all that the document has a role do, as the access list spells it."""
    described = document()
    for name, operation in described["operations"].items():
        if name.startswith(role):
            sends = operation["action"] == "send"
            yield "write" if sends else "read", spelled(role, described, operation["channel"])
            if "reply" in operation:
                yield "read" if sends else "write", spelled(role, described, {"$ref": "#/channels/replies"})


def spelled(role: Role, described: dict[str, Any], reference: dict[str, str]) -> str:
    address = described["channels"][reference["$ref"].rpartition("/")[2]]["address"]
    if role is Role.WATCHER:  # its own host's, and of the blocks its own
        address = address.replace("{host}", "%u").replace("{name}", RESPONDERS_BLOCK)
    return re.sub(r"{\w+}", "+", address)


def allowed(role: Role) -> Iterator[tuple[str, str]]:
    """Yield what the access list lets the identity of a role read and write; a program's is the operator's.

    Home Assistant's topics have a form of their own (docs/howto/home-assistant.md) and are no part of the document.
    """
    identity = {Role.SCHEDULER: "leeward-scheduler", Role.PROGRAM: "leeward-operator"}.get(role)
    rules, user = ACCESS_LIST.read_text().splitlines(), None
    for rule in rules:
        match rule.split():
            case ["user", name]:
                user = name
            case ["pattern", right, topic] if identity is None and topic.startswith(DEFAULT_PREFIX):
                yield from each_right(right, topic)
            case ["topic", "read" | "write" | "readwrite" as right, topic] if user == identity and user is not None:
                yield from each_right(right, topic)


def each_right(right: str, topic: str) -> Iterator[tuple[str, str]]:
    yield from ((each, topic) for each in ("read", "write") if each in right)
