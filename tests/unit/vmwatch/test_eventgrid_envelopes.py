"""What Event Grid posts is read in both schemas, under both names, and never otherwise than right."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.errors import DocumentError
from services.vmwatch.eventgrid.envelopes import Told, Unrelated, Validation, read_envelopes
from tests.parts.grid import EMITTED, EVENT, WRITE, body, cloud_event, data, grid_event, properties, validation


@pytest.mark.parametrize("kind", [EMITTED, WRITE, EMITTED.upper()])
@pytest.mark.parametrize("schema", [grid_event, cloud_event])
def test_both_schemas_and_both_names_of_the_type_say_the_same(kind: str, schema: Any) -> None:
    (told,) = read_envelopes(body(schema("Scheduled", "db-0", "db-1", kind=kind)))
    assert isinstance(told, Told)
    event = told.event
    assert (event.event_id, event.type, event.status) == (EVENT.upper(), "Terminate", "Scheduled")
    assert (event.resources, event.source, event.duration_seconds) == (("db-0", "db-1"), "User", None)
    assert event.not_before == datetime(2026, 4, 20, 12, 15, tzinfo=UTC)
    assert told.at == datetime(2026, 4, 20, 12, 0, 0, 958000, tzinfo=UTC)
    assert told.scope.startswith("/subscriptions/0000/resourcegroups/rg/")


def test_one_event_may_come_without_a_list() -> None:
    (told,) = read_envelopes(msgspec.json.encode(cloud_event("Completed")))
    assert isinstance(told, Told)
    assert told.event.status == "Completed"


def test_a_validation_has_its_code_and_other_types_are_let_pass() -> None:
    deleted = {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionDeletedEvent"}
    assert read_envelopes(body(validation("512d"), deleted)) == (
        Validation(code="512d"),
        Unrelated(type="microsoft.eventgrid.subscriptiondeletedevent"),
    )


def test_what_only_describes_is_taken_as_unknown_with_a_doubt() -> None:
    (told,) = read_envelopes(body({**grid_event("Scheduled", NotBefore="tomorrow"), "eventTime": "now"}))
    assert isinstance(told, Told)
    assert (told.event.not_before, told.at) == (None, None)
    assert "tomorrow" in told.doubts[0]


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        body({**grid_event("Started"), "id": ""}),
        body({**grid_event("Started"), "data": {}}),
        body({**grid_event("Started"), "data": data({**properties("Started"), "EventId": "a b"})}),
        body({**grid_event("Started"), "data": data({**properties("Started"), "Resources": "db-0"})}),
        body({**validation("1"), "data": {}}),
    ],
)
def test_what_decides_must_be_right(wrong: bytes) -> None:
    with pytest.raises(DocumentError):
        read_envelopes(wrong)


@given(st.binary(max_size=300))
def test_whatever_bytes_arrive_are_read_or_refused(noise: bytes) -> None:
    try:
        found = read_envelopes(noise)
    except DocumentError:
        return
    assert all(isinstance(one, Unrelated) for one in found)
