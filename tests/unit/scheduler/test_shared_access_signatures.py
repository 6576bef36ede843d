"""Shared access signatures are those of Microsoft's own client."""

from datetime import UTC, datetime

import pytest
from azure.servicebus._pyamqp.utils import generate_sas_token

from services.scheduler.dispatch.actions.sas import shared_access_signature

END = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "name", "key"),
    [
        ("https://space1.servicebus.windows.net/orders", "send", "c2VjcmV0"),
        ("https://space1.servicebus.windows.net/a/b-c_d.e", "RootManageSharedAccessKey", "a+/b==&?"),
        ("https://space1.servicebus.windows.net/gr%C3%BC%C3%9Fe", "send", "schlüssel"),
    ],
)
def test_a_signature_is_the_one_that_microsofts_client_makes(address: str, name: str, key: str) -> None:
    expected = generate_sas_token(address, name, key, int(END.timestamp()))  # type: ignore[no-untyped-call]
    assert dict(_fields(shared_access_signature(address, name, key, END))) == dict(_fields(expected))


def test_a_signature_known_from_elsewhere() -> None:
    """Computed with openssl: printf 'https%3A%2F%2Fspace1.test%2Forders\\n1772452800' | openssl dgst -hmac key."""
    signature = "LvgVc0WbTuBeVh%2B0FNlpi3lBgEF%2BqC%2B6f9Cvf7eOWHE%3D"
    token = shared_access_signature("https://space1.test/orders", "send", "key", END)
    fields = f"sr=https%3A%2F%2Fspace1.test%2Forders&sig={signature}&se=1772452800&skn=send"
    assert token == f"SharedAccessSignature {fields}"


def _fields(token: str) -> list[tuple[str, str]]:
    kind, _, rest = token.partition(" ")
    assert kind == "SharedAccessSignature"
    return [(name, value) for name, _, value in (part.partition("=") for part in rest.split("&"))]
