"""What is exported is read back the same."""

from typing import Any

import msgspec
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.client.moving.comparison import same_collection, same_job
from services.client.moving.exports import write_documents, write_template
from tests.parts.moving import wanted

SIGNS = st.one_of(st.sampled_from("[]'{}: "), st.characters(exclude_categories=["Cs", "Cc"]))
TEXT = st.text(alphabet=SIGNS, max_size=12)
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
DURATION = st.sampled_from(["PT30S", "PT1M", "P1D", "00:05:00", "1.00:00:00"])
STATE = st.sampled_from(["enabled", "disabled"])
TAGS = st.dictionaries(TEXT, TEXT, max_size=2)
FIXED = {"retryInterval": DURATION, "retryCount": st.integers(0, 20)}
RETRY = st.one_of(
    st.fixed_dictionaries({"retryType": st.just("fixed")}, optional=FIXED),
    st.fixed_dictionaries({"retryType": st.just("exponential")}, optional={**FIXED, "maxInterval": DURATION}),
)
REQUEST = st.fixed_dictionaries(
    {"uri": TEXT}, optional={"method": st.sampled_from(["GET", "post"]), "body": TEXT, "headers": TAGS}
)
ERROR = st.fixed_dictionaries({"request": REQUEST}, optional={"retryPolicy": RETRY})
ACTION = st.fixed_dictionaries(
    {"type": st.just("Http"), "request": REQUEST}, optional={"retryPolicy": RETRY, "errorAction": ERROR}
)
MONTHLY = st.fixed_dictionaries({"day": st.just("friday"), "Occurrence": st.integers(1, 5)})
SCHEDULE = st.fixed_dictionaries(
    {"hours": st.lists(st.integers(0, 23), min_size=1, max_size=3)},
    optional={"monthlyOccurrences": st.lists(MONTHLY, min_size=1)},
)
RECURRENCE = st.fixed_dictionaries(
    {"frequency": st.sampled_from(["day", "month"]), "interval": st.integers(1, 9)},
    optional={"count": st.integers(1, 9), "endTime": st.just("2030-01-01T00:00:00Z"), "schedule": SCHEDULE},
)
BY_TYPE = st.just({"Reboot": {"inFlight": "Cancel"}})
BY_SOURCE = st.just({"Platform": {"atDeadline": "Move"}, "neighbour": {"lastStanding": "HoldAll"}})
BY_DURATION = st.just([{"upTo": "00:00:10", "strategy": "Ignore"}, {"upTo": "PT1M", "leadTime": "auto"}])
MAINTENANCE = st.fixed_dictionaries(
    {"strategy": st.just("Hold")},
    optional={
        "leadTime": st.one_of(DURATION, st.just("auto")),
        "byType": BY_TYPE,
        "bySource": BY_SOURCE,
        "byDuration": BY_DURATION,
    },
)
CANCEL = st.fixed_dictionaries({"request": REQUEST})
JOB_MAINTENANCE = st.builds(lambda rules, cancel: {**rules, "cancel": cancel}, MAINTENANCE, CANCEL)
JOB = st.fixed_dictionaries(
    {"name": NAME, "action": ACTION, "state": STATE},
    optional={
        "startTime": st.just("2026-01-01T00:00:00Z"),
        "recurrence": RECURRENCE,
        "placement": st.fixed_dictionaries({"pool": TEXT}, optional={"choice": st.just("Sticky")}),
        "maintenance": st.one_of(MAINTENANCE, JOB_MAINTENANCE),
        "timeout": DURATION,
        "flexibleWindow": DURATION,
        "tags": TAGS,
        "status": st.just({"executionCount": 1}),
        "resolved": st.just({"maintenance": {"strategy": "Hold"}}),
    },
)
COLLECTION = st.fixed_dictionaries(
    {"name": NAME, "sku": st.just({"name": "Unlimited"})},
    optional={
        "location": TEXT.filter(bool),
        "tags": TAGS,
        "quota": st.just({"maxJobCount": 9}),
        "maintenance": MAINTENANCE,
    },
)


def check(document: Any, collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    found = wanted(document)
    assert same_collection(found[collection["name"]].document, collection)
    assert len(found) == len(jobs) + 1
    for job in jobs:
        assert same_job(found[f"{collection['name']}/{job['name']}"].document, job)


def settled(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**job, "collection": collection["name"]} for job in {job["name"]: job for job in jobs}.values()]


@given(COLLECTION, st.lists(JOB, max_size=3))
def test_a_template_reads_back_to_the_same(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    jobs = settled(collection, jobs)
    written = msgspec.json.encode(write_template([collection], jobs))
    check(msgspec.json.decode(written), collection, jobs)


@given(COLLECTION, st.lists(JOB, max_size=3))
def test_documents_read_back_to_the_same(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    jobs = settled(collection, jobs)
    written = yaml.safe_dump(write_documents([collection], jobs), allow_unicode=True)
    check(yaml.safe_load(written), collection, jobs)


def test_secrets_that_are_not_given_out_become_parameters() -> None:
    authentication = {"type": "Basic", "username": "me"}
    action = {"type": "Https", "request": {"uri": "https://x.example", "authentication": authentication}}
    jobs = [{"collection": "c", "name": name, "action": action} for name in ("a.b", "a-b")]
    found = write_template([{"name": "c"}], jobs)
    assert found["parameters"] == {
        "c_a_b_password": {"type": "secureString"},
        "c_a_b_password_2": {"type": "secureString"},
    }
    first = found["resources"][1]["properties"]["action"]["request"]["authentication"]
    assert first["password"] == "[parameters('c_a_b_password')]"
    assert "password" not in authentication


def test_a_job_stands_on_its_collection() -> None:
    found = write_template([{"name": "c"}], [{"collection": "c", "name": "j"}])
    assert found["resources"][1]["dependsOn"] == ["[resourceId('Microsoft.Scheduler/jobCollections', 'c')]"]
