"""Every document shape of the reference goes through; nothing else counts as a document."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.documents import MAX_BODY_BYTES, parse_document, parse_instant
from services.vmwatch.errors import DocumentError

EVENT_ID = "C7061BAC-AFDC-4513-B24B-AA5F13A16123"
DEADLINE = datetime(2026, 4, 20, 22, 26, 58, tzinfo=UTC)

FREEZE = {
    "EventId": EVENT_ID,
    "EventStatus": "Scheduled",
    "EventType": "Freeze",
    "ResourceType": "VirtualMachine",
    "Resources": ["WestNO_0", "WestNO_1"],
    "NotBefore": "Mon, 20 Apr 2026 22:26:58 GMT",
    "Description": "Virtual machine is being paused because of a memory-preserving Live Migration operation.",
    "EventSource": "Platform",
    "DurationInSeconds": 5,
}


def body(*events: dict[str, Any], incarnation: int = 2) -> bytes:
    return json.dumps({"DocumentIncarnation": incarnation, "Events": list(events)}).encode()


def without(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in keys}


def test_a_freeze_with_a_duration_is_read_whole() -> None:
    document = parse_document(body(FREEZE))
    (event,) = document.events
    assert (document.incarnation, document.doubts) == (2, ())
    assert (event.event_id, event.type, event.status) == (EVENT_ID, "Freeze", "Scheduled")
    assert event.resources == ("WestNO_0", "WestNO_1")
    assert event.not_before == DEADLINE
    assert event.description.startswith("Virtual machine is being paused")
    assert (event.source, event.duration_seconds, event.first_seen_at) == ("Platform", 5, None)


def test_a_calm_document_has_no_events() -> None:
    assert parse_document(b'{"DocumentIncarnation":1,"Events":[]}').events == ()


def test_a_started_event_has_an_empty_not_before() -> None:
    started = FREEZE | {"EventStatus": "Started", "NotBefore": "", "DurationInSeconds": 30}
    (event,) = parse_document(body(started, incarnation=32)).events
    assert (event.status, event.not_before, event.duration_seconds) == ("Started", None, 30)


def test_a_terminate_of_version_2019_01_01_lacks_the_newer_keys() -> None:
    terminate = without(FREEZE, "Description", "EventSource", "DurationInSeconds") | {"EventType": "Terminate"}
    (event,) = parse_document(body(terminate), api_version="2019-01-01").events
    assert (event.type, event.description, event.source, event.duration_seconds) == ("Terminate", "", "", None)


def test_only_version_2017_03_01_has_its_underscores_removed() -> None:
    old = without(FREEZE, "Description", "EventSource", "DurationInSeconds") | {"Resources": ["_mysrv", "_web_0"]}
    assert parse_document(body(old), api_version="2017-03-01").events[0].resources == ("mysrv", "web_0")
    assert parse_document(body(old), api_version="2017-08-01").events[0].resources == ("_mysrv", "_web_0")


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 20 Apr 2026 22:26:58 GMT",
        "Sat, 20 Apr 2026 22:26:58 GMT",
        "2026-04-20T22:26:58Z",
        "2026-04-20T22:26:58",
        "2026-04-21T00:26:58+02:00",
        "2026-04-20 22:26:58.0000000Z",
    ],
)
def test_a_date_is_read_in_each_form_and_whatever_its_weekday(text: str) -> None:
    assert parse_instant(text) == DEADLINE


@pytest.mark.parametrize("duration", [-1, -7])
def test_a_negative_duration_is_unknown(duration: int) -> None:
    assert parse_document(body(FREEZE | {"DurationInSeconds": duration})).events[0].duration_seconds is None


def test_a_duration_of_zero_is_kept() -> None:
    assert parse_document(body(FREEZE | {"DurationInSeconds": 0})).events[0].duration_seconds == 0


def test_unknown_types_and_statuses_pass_as_they_are() -> None:
    advice = FREEZE | {"EventType": "SpotRebalanceRecommendation", "EventStatus": "Advisory"}
    (event,) = parse_document(body(advice)).events
    assert (event.type, event.status) == ("SpotRebalanceRecommendation", "Advisory")


def test_ids_are_upper_case_and_entries_with_the_same_id_become_one() -> None:
    lower = FREEZE | {"EventId": EVENT_ID.lower(), "Resources": ["WestNO_2"]}
    document = parse_document(body(FREEZE, lower))
    (event,) = document.events
    assert event.event_id == EVENT_ID
    assert document.spellings == {EVENT_ID: EVENT_ID.lower()}
    assert event.resources == ("WestNO_0", "WestNO_1", "WestNO_2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("NotBefore", "soon"),
        ("NotBefore", 1776724018),
        ("NotBefore", "0001-01-01T00:00:00+14:00"),
        ("DurationInSeconds", "5"),
        ("DurationInSeconds", True),
        ("Description", ["a", "b"]),
        ("EventSource", 7),
    ],
)
def test_a_describing_field_that_cannot_be_read_is_unknown_and_said(field: str, value: object) -> None:
    document = parse_document(body(FREEZE | {field: value}))
    assert len(document.events) == 1
    assert len(document.doubts) == 1
    assert EVENT_ID in document.doubts[0]


@pytest.mark.parametrize(
    "broken",
    [
        without(FREEZE, "EventId"),
        without(FREEZE, "Resources"),
        without(FREEZE, "EventStatus"),
        FREEZE | {"EventId": ""},
        FREEZE | {"EventId": "a/b+c#"},
        FREEZE | {"EventType": None},
        FREEZE | {"Resources": "WestNO_0"},
        FREEZE | {"Resources": [1]},
    ],
)
def test_an_event_without_what_decides_refuses_the_whole_document(broken: dict[str, Any]) -> None:
    with pytest.raises(DocumentError):
        parse_document(body(FREEZE, broken))


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"error":"Bad request. api-version is invalid or was not specified","newest-versions":["2025-04-07"]}',
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        body(FREEZE)[:-30],
        b'{"DocumentIncarnation":"1","Events":[]}',
        b'{"DocumentIncarnation":1,"Events":null}',
        b'{"DocumentIncarnation":1}',
        b'{"Events":[]}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"DocumentIncarnation":1,"Events":[],"x":"' + b" " * MAX_BODY_BYTES + b'"}',
    ],
)
def test_what_is_no_document_is_never_read_as_no_events(garbage: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_document(garbage)


def test_a_byte_order_mark_does_not_matter() -> None:
    assert len(parse_document(b"\xef\xbb\xbf" + body(FREEZE)).events) == 1


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_unless_they_spell_a_document(garbage: bytes) -> None:
    try:
        document = parse_document(garbage)
    except DocumentError:
        return
    assert len(json.loads(garbage)["Events"]) >= len(document.events)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(FREEZE)), value=_VALUES)
def test_any_value_in_any_field_is_either_kept_as_one_event_or_refused(field: str, value: object) -> None:
    try:
        document = parse_document(body(FREEZE | {field: value}))
    except DocumentError:
        return
    assert len(document.events) == 1


@given(st.text())
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    try:
        assert parse_instant(text).tzinfo is UTC
    except ValueError:
        return
