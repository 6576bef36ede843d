"""What files with one entry a line have in common."""

from datetime import UTC, datetime

import pytest

from shared.entries import is_entry, read_time, write_time


def test_comments_and_blank_lines_are_no_entries() -> None:
    assert [is_entry(line) for line in ("name value\n", "\n", "   ", "# a comment", "  # another")] == [True] + [
        False
    ] * 4


def test_a_time_is_read_as_it_was_written() -> None:
    instant = datetime(2027, 1, 31, 12, 30, 15, tzinfo=UTC)
    assert write_time(instant) == "2027-01-31T12:30:15Z"
    assert read_time(write_time(instant)) == instant
    assert read_time("2027-01-31T14:30:15+02:00") == instant


@pytest.mark.parametrize("text", ["tomorrow", "2027-01-31T12:30:15", "0001-01-01T00:00:00+01:00"])
def test_what_is_no_instant_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(ValueError, match="write the time as 2027"):
        read_time(text)
