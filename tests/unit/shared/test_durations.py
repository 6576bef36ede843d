"""Durations in both dialects."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.durations import format_iso, format_timespan, parse_duration

ANY_DURATION = st.timedeltas()


@given(ANY_DURATION)
def test_iso_text_reads_back_as_the_same_duration(value: timedelta) -> None:
    assert parse_duration(format_iso(value)) == value


@given(ANY_DURATION)
def test_timespan_text_reads_back_as_the_same_duration(value: timedelta) -> None:
    assert parse_duration(format_timespan(value)) == value


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_duration(text), timedelta)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1M", 60),
        ("pt1m", 60),
        (" PT1M ", 60),
        ("P1D", 86_400),
        ("PT1D", 86_400),
        ("P1W", 604_800),
        ("P1DT2H", 93_600),
        ("PT1H30M", 5_400),
        ("PT0.5S", 0.5),
        ("PT0,5S", 0.5),
        ("PT90M", 5_400),
        ("-PT30S", -30),
        ("+PT30S", 30),
        ("00:01:00", 60),
        ("0:30", 1_800),
        ("1.00:00:00", 86_400),
        ("-00:00:30", -30),
        ("00:00:00.5000000", 0.5),
        ("23:59:59", 86_399),
    ],
)
def test_both_dialects_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "1M", "P1Y", "P1M", "PT1M1H", "P1DT", "60", "24:00:00", "00:60", "1:2:3:4", "P999999999999D"],
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"PT1M.*00:01:00"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "iso", "timespan"),
    [
        (timedelta(0), "PT0S", "00:00:00"),
        (timedelta(minutes=1), "PT1M", "00:01:00"),
        (timedelta(seconds=90), "PT1M30S", "00:01:30"),
        (timedelta(days=1), "P1D", "1.00:00:00"),
        (timedelta(days=7), "P7D", "7.00:00:00"),
        (timedelta(days=1, hours=2), "P1DT2H", "1.02:00:00"),
        (timedelta(milliseconds=500), "PT0.5S", "00:00:00.5000000"),
        (timedelta(seconds=-30), "-PT30S", "-00:00:30"),
    ],
)
def test_durations_are_written_in_their_shortest_form(value: timedelta, iso: str, timespan: str) -> None:
    assert format_iso(value) == iso
    assert format_timespan(value) == timespan
