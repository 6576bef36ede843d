"""Payloads of the bus contract."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import Block, EventSnapshot, HostStatus, MessageRefusedError, Presence, decode, encode

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_message_reads_back_and_is_camel_case_on_the_wire() -> None:
    status = HostStatus(host="db-0", session="s1", state=Presence.ONLINE, at=AT, poll_ok=True)
    payload = encode(status)
    assert b'"pollOk":true' in payload
    assert b'"at":"2026-01-02T03:04:05Z"' in payload
    assert decode(payload, HostStatus) == status


def test_fields_of_a_later_version_are_ignored() -> None:
    assert decode(b'{"reason": "backup", "colour": "red"}', Block) == Block(reason="backup")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(payload: bytes) -> None:
    try:
        decode(payload, EventSnapshot)
    except MessageRefusedError as fault:
        assert "EventSnapshot" in str(fault)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("payload", [b"", b"null", b'{"reason": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(MessageRefusedError):
        decode(payload, Block)
