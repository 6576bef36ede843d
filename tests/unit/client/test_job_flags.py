"""The flags of `leeward job create`: one for each field of a job, and how a schedule is written."""

from collections.abc import Iterator
from typing import Any

import click
import pytest
from msgspec import inspect

from services.client.commands.jobs import create
from services.client.flags import Flag
from services.client.job_options import flags_document, flags_new, flags_patch, job_flags
from services.scheduler.api.schemas.actions import BrokeredPropertiesDocument
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.shapes import choices, described

ONLY_IN_A_FILE = {
    "maintenance.cancel.request.authentication": "rare for a cancel request, and it would take twenty flags more",
    "maintenance.cancel.request.webhookSecret": "rare, as its authentication",
    "maintenance.cancel.type": "follows from the request",
    "maintenance.cancel.queueMessage": "a cancel request is hardly ever a message",
    "maintenance.cancel.serviceBusQueueMessage": "as the one above",
    "maintenance.cancel.serviceBusTopicMessage": "as the one above",
    "maintenance.cancel.mqttMessage": "as the one above",
}
NOT_GIVEN = ("authentication.type", "schedule.monthlyOccurrences[].Occurrence")
"""What has one value only (Service Bus knows one way), or is Azure's spelling of a field that is there."""
SECRET = "secretref:file:x"
BROKERED = [name for field in described(BrokeredPropertiesDocument).fields for name in [field.encode_name]]  # type: ignore[attr-defined]
BUS = ["--namespace=n", "--message=m", "--key-name=k", f"--key-file={SECRET}", "--transport=amqp", "--property=a=b"]
ACTIONS = (
    ["--uri=u", "--method=put", "--header=a:b", "--body=x", f"--webhook-secret-file={SECRET}", "--username=me"],
    [f"--password-file={SECRET}"],
    [f"--pfx-file={SECRET}"],
    ["--tenant=t", "--client-id=c", f"--client-secret-file={SECRET}", "--audience=a"],
    ["--storage-account=s", "--queue=q", f"--sas-file={SECRET}", "--message=m"],
    *([*BUS, place, *(f"--brokered={one}=true" for one in BROKERED)] for place in ("--queue=q", "--topic=t")),
    ["--topic=t", "--message=m", "--qos=2", "--retain", "--content-type=c", "--response-topic=r", "--property=a=b"],
    ["--topic=t", "--correlation-data=c", "--message-expiry=5m"],
    ["--retry-type=exponential", "--retry-count=1", "--retry-interval=1m", "--max-interval=2m"],
)
RULES = (
    "strategy=Hold",
    "lead-time=auto",
    "in-flight=Wait",
    "at-deadline=Move",
    "last-standing=HoldAll",
    "on-release=Skip",
)
BY = {"by-type": "Freeze", "by-source": "User", "by-duration": "10s"}
SCHEDULE = ["--minutes=0", "--hours=5", "--weekdays=Mon", "--monthdays=1", "--monthly=first Monday"]
LINES = (
    *ACTIONS,
    *([word.replace("--", "--error-", 1) for word in words] for words in ACTIONS),
    ["--cancel-uri=u", "--cancel-method=put", "--cancel-header=a:b", "--cancel-body=x"],
    [
        "--every=1d",
        *SCHEDULE,
        "--at=2026-01-01T00:00:00Z",
        "--count=1",
        "--end=2027-01-01T00:00:00Z",
        "--time-zone=UTC",
    ],
    ["--cron=* * * * *"],
    ["--pool=p", "--host=h", "--choice=sticky", *(f"--{rule}" for rule in RULES)],
    *([f"--{flag}={which}.{rule}" for rule in RULES] for flag, which in BY.items()),
    ["--overlap=allow", "--catch-up=skip", "--catch-up-window=2h", "--timeout=5m", "--flexible-window=1m"],
    ["--tag=a=b", "--state=disabled"],
)


def flags(*words: str) -> Any:
    return job_flags(create.make_context("create", ["demo/x", *words]).params | {})


def document(*words: str) -> dict[str, Any]:
    return flags_new(flags(*words))


def fields_of(node: inspect.Type, path: str = "") -> Iterator[str]:
    """Yield the path of every field that a job may be written with, down to what has no fields."""
    for one in choices(node):
        if isinstance(one, inspect.StructType):
            for field in one.fields:
                marks = (field.type.extra_json_schema or {}) if isinstance(field.type, inspect.Metadata) else {}
                if not marks.get("readOnly"):
                    yield from fields_of(field.type, f"{path}.{field.encode_name}".lstrip("."))
            return
        if isinstance(one, inspect.ListType | inspect.DictType):
            inner = one.item_type if isinstance(one, inspect.ListType) else one.value_type
            if any(isinstance(each, inspect.StructType) for each in choices(inner)):
                yield from fields_of(inner, f"{path}[]")
                return
    yield path


def given(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what a document says; entries by name and of lists alike as `[]`."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from given(
                item, f"{path}[]" if path.endswith(("byType", "bySource")) else f"{path}.{name}".lstrip(".")
            )
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from given(item, f"{path}[]")
    yield path


def test_every_field_of_a_job_has_a_flag_or_a_reason_for_having_none() -> None:
    said = {path for words in LINES for path in given(document(*words))}
    left = {path for path in fields_of(described(JobDocument)) if path not in said and not path.endswith(NOT_GIVEN)}
    assert {path for path in left if not path.startswith(tuple(ONLY_IN_A_FILE))} == set()
    assert [field for field in ONLY_IN_A_FILE if not any(path.startswith(field) for path in left)] == []


def test_every_flag_is_in_a_section_of_the_help() -> None:
    own = [one for one in create.params if isinstance(one, click.Option) and "--file" in one.opts]
    assert [one.section for one in own if isinstance(one, Flag)] == ["More"]
    help_text = create.get_help(click.Context(create, info_name="create"))
    sections = ("What is called:", "When it runs:", "When its host is threatened:", "As with every command:")
    assert [title for title in sections if title not in help_text] == []


def test_a_schedule_is_written_in_lists_ranges_and_words() -> None:
    words = ("--every=1mo", "--minutes=0,30", "--hours=8-10", "--monthdays=1,-1", "--monthly=last friday")
    schedule = document(*words, "--monthly=2nd Tue")["recurrence"]["schedule"]
    assert (schedule["minutes"], schedule["hours"], schedule["monthDays"]) == ([0, 30], [8, 9, 10], [1, -1])
    assert schedule["monthlyOccurrences"] == [
        {"day": "Friday", "occurrence": -1},
        {"day": "Tuesday", "occurrence": 2},
    ]
    over_the_end = document("--weekdays=Sat-Mon,wed")["recurrence"]["schedule"]["weekDays"]
    assert over_the_end == ["Saturday", "Sunday", "Monday", "Wednesday"]


def test_a_schedule_alone_says_how_often() -> None:
    for words, frequency in (
        (["--hours=5"], "Day"),
        (["--weekdays=Mon", "--hours=5"], "Week"),
        (["--monthdays=1", "--hours=5"], "Month"),
        (["--monthly=first Monday"], "Month"),
    ):
        assert document(*words)["recurrence"]["frequency"] == frequency
    assert "frequency" not in flags_patch(flags("--hours=5"))["recurrence"]


def test_other_answers_are_written_short_or_field_by_field() -> None:
    rules = document("--by-type=Freeze=ignore", "--by-type=Reboot.lead-time=10m", "--by-duration=10s=Ignore")
    assert rules["maintenance"] == {
        "byType": {"Freeze": {"strategy": "Ignore"}, "Reboot": {"leadTime": "PT10M"}},
        "byDuration": [{"upTo": "PT10S", "strategy": "Ignore"}],
    }


def test_an_error_action_has_its_own_retries_and_names_its_own_flags() -> None:
    action = document("--uri=u", "--error-topic=t", "--error-no-retry")["action"]
    assert action["errorAction"] == {
        "type": "Mqtt",
        "mqttMessage": {"topic": "t"},
        "retryPolicy": {"retryType": "None"},
    }
    with pytest.raises(click.UsageError, match="--error-storage-account"):
        flags_document(flags("--error-message=m"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--every=1d", "--cron=* * * * *"], "--every does not go with --cron"),
        (["--cron=* * * * *", "--hours=5"], "--cron has a schedule of its own"),
        (["--minutes=5"], "--minutes of what"),
        (["--hours=24"], "24 is not within 0 and 23"),
        (["--hours=9-5"], "runs backwards"),
        (["--hours=noon"], "write numbers such as"),
        (["--weekdays=Mo"], "'Mo' is no day"),
        (["--monthly=Monday"], "write 'first Monday'"),
        (["--monthly=sixth Monday"], "first to fifth"),
        (["--by-type=Freeze"], "write Freeze=Ignore"),
        (["--by-type=Freeze.strategy=Run"], "is none of Reroute, Hold, Ignore"),
        (["--by-type=Freeze.colour=red"], "is none of at-deadline"),
        (["--disabled", "--state=enabled"], "--disabled does not go with --state Enabled"),
        (["--no-retry", "--retry-count=1"], "--no-retry does not go with other options"),
        (["--uri=u", "--topic=t"], "one thing is sent"),
        (["--overlap=never"], "is not one of"),
    ],
)
def test_what_does_not_go_together_is_told_plainly(words: list[str], told: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        document(*words)
    assert told in refused.value.message
