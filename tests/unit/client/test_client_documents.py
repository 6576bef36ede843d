"""Documents from files, and from flags."""

from pathlib import Path

import click
import pytest

from services.client.documents import overlay, read_document
from services.client.job_options import JobFlags, flags_document, flags_patch, job_flags
from services.client.options import job_of, pairs

YAML = """
startTime: 2026-01-31T09:30:00Z
timeout: 00:05:00
window: 10:00:00
count: 3
half: 0.5
code: 010
on: yes
off: true
none: ~
empty:
"""


def test_yaml_means_what_the_same_json_would(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(YAML)
    assert read_document(str(file)) == {
        "startTime": "2026-01-31T09:30:00Z",
        "timeout": "00:05:00",
        "window": "10:00:00",
        "count": 3,
        "half": 0.5,
        "code": "010",
        "on": "yes",
        "off": True,
        "none": None,
        "empty": None,
    }


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text('{"a": [1, "2", null, true], "b": {"c": "\\u00e9"}}')
    assert read_document(str(file)) == {"a": [1, "2", None, True], "b": {"c": "é"}}


def test_json_may_have_comments_as_templates_do(tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text('{ // why\n"a": "http://x/*y*/", /* and\nwhat */ "b": "\\"// no"}')
    assert read_document(str(file)) == {"a": "http://x/*y*/", "b": '"// no'}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_are_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "job.json"
    file.write_text('{"a": "é"}', encoding=encoding)
    assert read_document(str(file)) == {"a": "é"}


@pytest.mark.parametrize("text", ["{a: [", "a: !!python/object:os.system {}", "\x00", "a: &a\n  b: *a", "[" * 5000])
def test_what_is_no_document_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad"
    file.write_text(text)
    with pytest.raises(click.BadParameter, match="neither JSON nor YAML"):
        read_document(str(file))


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="cannot be read"):
        read_document("/nowhere/at/all")


def test_an_overlay_merges_objects_and_replaces_the_rest() -> None:
    assert overlay({"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2]}, "d": None}) == {
        "a": {"b": 1, "c": [2]},
        "d": None,
    }


def given_flags(**values: object) -> JobFlags:
    """Return flags as a command gets them."""
    return job_flags(values)


def test_flags_make_the_document_they_speak_of() -> None:
    flags = given_flags(
        uri="http://{host}/x",
        body="hello",
        headers=("Content-Type: text/plain", "X-Time: 10:00"),
        every="5m",
        count=3,
        time_zone="Europe/Berlin",
        pool="db",
        choice="Sticky",
        strategy="Hold",
        lead_time="5m",
        at_deadline="Move",
        last_standing="HoldAll",
        retry_count=2,
        tags=("team=db",),
        disabled=True,
    )
    request = {
        "uri": "http://{host}/x",
        "method": "POST",
        "headers": {"Content-Type": "text/plain", "X-Time": "10:00"},
        "body": "hello",
    }
    assert flags_document(flags) == {
        "action": {"request": request, "retryPolicy": {"retryCount": 2}},
        "recurrence": {"frequency": "Minute", "interval": 5, "count": 3, "timeZone": "Europe/Berlin"},
        "placement": {"pool": "db", "choice": "Sticky"},
        "maintenance": {"strategy": "Hold", "leadTime": "PT5M", "atDeadline": "Move", "lastStanding": "HoldAll"},
        "tags": {"team": "db"},
        "state": "Disabled",
    }


def test_the_lead_time_may_be_left_to_leeward() -> None:
    assert flags_document(given_flags(lead_time="auto"))["maintenance"] == {"leadTime": "auto"}


def test_a_new_rhythm_takes_the_place_of_the_other_kind() -> None:
    assert flags_patch(given_flags(every="5m"))["recurrence"] == {"frequency": "Minute", "interval": 5, "cron": None}
    removed = {"frequency": None, "interval": None, "schedule": None}
    assert flags_patch(given_flags(cron="0 5 * * *"))["recurrence"] == {"cron": "0 5 * * *", **removed}


def test_flags_speak_of_retries_that_grow_and_of_a_flexible_window() -> None:
    flags = given_flags(retry_type="Exponential", retry_interval="PT1M", max_interval="PT1H", flexible_window="PT15M")
    policy = {"retryType": "Exponential", "retryInterval": "PT1M", "maxInterval": "PT1H"}
    assert flags_document(flags) == {"action": {"retryPolicy": policy}, "flexibleWindow": "PT15M"}
    assert flags_patch(flags) == flags_document(flags)


def test_another_kind_of_retry_takes_the_longest_interval_with_it() -> None:
    for flags in (given_flags(no_retry=True), given_flags(retry_type="fixed")):
        assert flags_patch(flags)["action"]["retryPolicy"]["maxInterval"] is None
    assert "maxInterval" not in flags_patch(given_flags(retry_count=3))["action"]["retryPolicy"]


def test_flags_that_exclude_each_other_are_refused() -> None:
    for flags in (
        given_flags(every="5m", cron="* * * * *"),
        given_flags(no_retry=True, retry_count=1),
        given_flags(no_retry=True, retry_type="Exponential"),
    ):
        with pytest.raises(click.UsageError):
            flags_document(flags)


def test_a_body_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text("{}")
    assert flags_document(given_flags(body=f"@{file}")) == {"action": {"request": {"body": "{}"}}}


def test_pairs_and_job_names_say_how_to_write_them() -> None:
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        pairs(["team"], "=", "--tag")
    for text in ("demo", "demo/", "/hello", "a/b/c"):
        with pytest.raises(click.BadParameter, match="COLLECTION/JOB"):
            job_of(text)
