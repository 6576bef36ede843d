"""Hypothesis strategies for collections and jobs as the API shows them."""

from typing import Any

from hypothesis import strategies as st

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


def settled(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the jobs as those of the collection, each name once."""
    return [{**job, "collection": collection["name"]} for job in {job["name"]: job for job in jobs}.values()]
