"""What `--every` means."""

import click
import pytest

from services.client.rhythm import iso_length, parse_every


@pytest.mark.parametrize(
    ("text", "frequency", "interval"),
    [
        ("30s", "Second", 30),
        ("5m", "Minute", 5),
        ("1h30m", "Minute", 90),
        ("1h 30s", "Second", 3630),
        ("24h", "Hour", 24),
        ("1d", "Day", 1),
        ("2W", "Week", 2),
        ("3mo", "Month", 3),
        ("PT5M", "Minute", 5),
        ("PT90S", "Second", 90),
        ("P1D", "Day", 1),
        ("00:05:00", "Minute", 5),
    ],
)
def test_an_interval_becomes_frequency_and_interval(text: str, frequency: str, interval: int) -> None:
    assert parse_every(text) == {"frequency": frequency, "interval": interval}


@pytest.mark.parametrize("text", ["", "5", "m", "0m", "-5m", "PT0S", "-PT5M", "PT0.5S", "1mo2d", "soon"])
def test_what_is_no_interval_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_every(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30s", "PT30S"),
        ("1h30m", "PT1H30M"),
        ("2w", "P14D"),
        ("PT5M", "PT5M"),
        ("00:05:00", "00:05:00"),
        ("auto", "auto"),
        ("1mo", "1mo"),
        (None, None),
    ],
)
def test_lengths_may_be_written_as_for_every(text: str | None, length: str | None) -> None:
    assert iso_length(text) == length
