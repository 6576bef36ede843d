"""The canaries of the system test are heard however they are dressed up: silence there means something."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.parts.canaries import Canaries

DRESSES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "within JSON": lambda text: f'{{"a": "x{text}y"}}',
    "percent-encoded": lambda text: quote(f"pass word {text}/ä"),
    "cut short": lambda text: text[:19],
    "in hex": lambda text: text.encode().hex(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64, one further": lambda text: base64.b64encode(f"x{text}yz".encode()).decode(),
    "in base64, two further": lambda text: base64.urlsafe_b64encode(f"xy{text}z".encode()).decode(),
    "as Basic authentication": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_canary_is_told_by_where_it_was_planted(dress: str) -> None:
    canaries = Canaries()
    text = canaries.plant("password")
    canaries.plant("another")
    assert canaries.heard_in(f"before {DRESSES[dress](text)} after".encode()) == ["password"]
    assert canaries.heard_in(b"before and after, and canary alone") == []
