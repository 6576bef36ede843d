"""`Retry-After` in every form that servers send, and in those they should not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.dispatch.actions.retry_after import LONGEST, read_retry_after

NOW = datetime(2015, 10, 21, 7, 27, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), (" 5 ", 5), ("0", 0), ("0007", 7), ("00000000000012", 12)])
def test_seconds_are_read(text: str, seconds: int) -> None:
    assert read_retry_after(text, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["Wed, 21 Oct 2015 07:28:00 GMT", "Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:00 2015"],
    ids=["IMF-fixdate", "RFC 850", "asctime"],
)
def test_a_date_is_read_in_each_form_of_http(text: str) -> None:
    assert read_retry_after(text, NOW) == timedelta(minutes=1)


def test_a_date_that_has_passed_is_no_wait() -> None:
    assert read_retry_after("Wed, 21 Oct 2015 07:26:00 GMT", NOW) == timedelta(0)


@pytest.mark.parametrize("text", ["9" * 60, "4000000000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_what_is_far_away_is_read_as_the_longest(text: str) -> None:
    assert read_retry_after(text, NOW) == LONGEST


NUMBERS = [None, "", " ", "-5", "1.5", "1e3", "٣", "5, 7", "9" * 65]
DATES = ["Wed, 99 Foo 2015", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999"]


@pytest.mark.parametrize("text", [*NUMBERS, *DATES, "soon", "x" * 100_000])
def test_nonsense_is_read_as_nothing(text: str | None) -> None:
    assert read_retry_after(text, NOW) is None


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d .{0,6}"))
def test_whatever_a_target_sends_is_a_bounded_wait_or_none(text: str) -> None:
    wait = read_retry_after(text, NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST
