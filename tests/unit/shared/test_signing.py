"""Signatures of Standard Webhooks, and the secrets that make them."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.signing import check_signing_secret, read_signing_keys, signature

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def whsec(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


@given(st.binary(min_size=24, max_size=64), st.uuids().map(str), st.text())
def test_signatures_are_those_of_the_reference_library(key: bytes, message_id: str, body: str) -> None:
    expected = Webhook(whsec(key)).sign(message_id, AT, body)
    assert signature(read_signing_keys(whsec(key)), message_id, str(int(AT.timestamp())), body.encode()) == expected


def test_each_secret_gives_a_signature() -> None:
    keys = read_signing_keys(f"{whsec(b'a' * 24)} {whsec(b'b' * 64)}")
    both = signature(keys, "id", "1", b"body").split(" ")
    assert both == [signature([key], "id", "1", b"body") for key in keys]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no secret"),
        ("  \n", "holds no secret"),
        ("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "must begin with whsec_"),
        (f"{whsec(b'a' * 24)},{whsec(b'a' * 24)}", "is not base64"),
        (f"{whsec(b'a' * 24)} secret", "must begin with whsec_"),
        ("whsec_!!!", "is not base64"),
        (whsec(b"a" * 23), "holds 23 bytes after whsec_; use 24 to 64"),
        (whsec(b"a" * 65), "holds 65 bytes after whsec_; use 24 to 64"),
        ("whsec_ä", "is not base64"),
    ],
)
def test_what_cannot_sign_is_refused_without_being_repeated(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        check_signing_secret(text)
    assert not text.strip() or text not in str(refused.value)
