"""News of executions are CloudEvents 1.0 in structured mode (CloudEvents' binding for MQTT, §3.2)."""

from itertools import count

import msgspec

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.feed import Feed
from services.scheduler.metrics import Metrics
from shared.bus import Publication
from shared.clock import SystemClock
from shared.topics import Topics
from tests.parts.asyncapi import document
from tests.parts.builders import job, occurrence
from tests.parts.bus_contract import Contract


class Outlet:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.publications: list[Publication] = []

    def is_read(self, _topic: str) -> bool:
        """Say that somebody listens."""
        return True

    def offer(self, publication: Publication) -> bool:
        """Remember a publication."""
        self.publications.append(publication)
        return True


def released_twice(replica: str) -> list[Publication]:
    outlet, ids = Outlet(), count()
    announcer = Announcer(
        outlet, Topics(), Feed(), SystemClock(), Metrics("test"), replica=replica, new_id=lambda: f"id-{next(ids)}"
    )
    for _ in range(2):
        announcer.released(job(), occurrence())
    return outlet.publications


def test_news_are_told_apart_by_source_and_id() -> None:
    first, second = (msgspec.json.decode(each.payload) for each in released_twice("one"))
    assert first["source"] == second["source"] == "/leeward/scheduler/one"
    assert first["id"] != second["id"]


def test_a_replica_of_any_name_is_a_uri_reference_as_in_its_topic() -> None:
    event = msgspec.json.decode(released_twice("VM 1/é")[0].payload)
    assert event["source"] == "/leeward/scheduler/vm%201%2F%C3%A9"
    assert Topics().scheduler_status("VM 1/é") == "leeward/v1/scheduler/vm%201%2F%C3%A9/status"


def test_the_content_type_says_that_the_attributes_are_in_the_payload() -> None:
    publication = released_twice("one")[0]
    assert publication.content_type == "application/cloudevents+json; charset=utf-8"
    assert Contract(document()).payload_faults("ExecutionReleased", msgspec.json.decode(publication.payload)) == []
