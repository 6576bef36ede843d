"""docs/troubleshooting.md quotes what the programs say, so that a search for it leads there."""

import re

import pytest

from tests.parts.pages import DOCS
from tests.parts.wording import GAP, is_said, wordings

PAGE = (DOCS / "troubleshooting.md").read_text()
QUOTED = [span for line in re.findall(r"^> (.+)$", PAGE, re.MULTILINE) for span in re.findall(r"`([^`]+)`", line)]
LONG = [span for span in re.findall(r"`([^`\n]+)`", PAGE) if span.count(" ") > 4]
OF_OTHERS = ("Bearer token authentication is not permitted", "mosquitto_sub ")
"""Words and commands of other programs."""


@pytest.fixture(scope="module")
def texts() -> frozenset[str]:
    return wordings()


def test_what_is_quoted_is_said_by_the_code(texts: frozenset[str]) -> None:
    assert [quote for quote in QUOTED if not is_said(quote, texts)] == []


def test_longer_words_in_tables_are_said_as_well(texts: frozenset[str]) -> None:
    assert [quote for quote in LONG if not quote.startswith(OF_OTHERS) and not is_said(quote, texts)] == []


def test_there_is_a_symptom_for_everybody() -> None:
    assert len(re.findall(r"^### ", PAGE, re.MULTILINE)) > 40
    assert len(QUOTED) > 60


def test_words_that_nobody_says_are_found_out() -> None:
    texts = frozenset({f"job {GAP} does not exist", "lease lost, starting over"})
    assert is_said("job … does not exist", texts)
    assert is_said("lease lost", texts)
    assert not is_said("job … is gone", texts)
    assert not is_said("…", texts)
