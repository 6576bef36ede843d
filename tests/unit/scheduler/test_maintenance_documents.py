"""Policies about maintenance come back from their documents as they went in, whatever they say."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.api.schemas.maintenance import MaintenanceDocument
from services.scheduler.api.schemas.maintenance_reader import read_maintenance
from services.scheduler.api.schemas.maintenance_writer import maintenance_document
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import Lead, encoder, to_builtins
from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    AtDeadline,
    DurationRule,
    InFlight,
    LastStanding,
    Maintenance,
    MaintenanceRule,
    OnRelease,
    Strategy,
)

LENGTHS = st.integers(0, 30 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
RULES = st.builds(
    MaintenanceRule,
    strategy=st.none() | st.sampled_from(Strategy),
    lead_time=st.none() | LENGTHS | st.just(AUTO),
    in_flight=st.none() | st.sampled_from(InFlight),
    at_deadline=st.none() | st.sampled_from(AtDeadline),
    last_standing=st.none() | st.sampled_from(LastStanding),
    on_release=st.none() | st.sampled_from(OnRelease),
)
NAMES = st.sampled_from(["freeze", "preempt", "manual", "platform", "user", "meteorite"])
DURATION_RULES = st.builds(DurationRule, up_to=LENGTHS, rule=RULES)
POLICIES = st.builds(
    Maintenance,
    rule=RULES,
    by_type=st.dictionaries(NAMES, RULES, max_size=3),
    by_source=st.dictionaries(NAMES, RULES, max_size=3),
    by_duration=st.lists(DURATION_RULES, max_size=3, unique_by=lambda one: one.up_to).map(tuple),
)


@given(POLICIES)
def test_a_policy_reads_back_as_it_was_written(policy: Maintenance) -> None:
    document = maintenance_document(policy)
    assert (document is None) == (policy == NO_MAINTENANCE)
    written = {} if document is None else to_builtins(document)
    assert read_maintenance(read(written, MaintenanceDocument)) == policy
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Maintenance) == policy


@pytest.mark.parametrize("text", ["auto", "AUTO", "PT10M", "00:10:00"])
def test_a_lead_time_is_read_in_any_spelling_and_written_in_the_one_of_the_client(text: str) -> None:
    document = MaintenanceDocument(lead_time=Lead.parse(text))
    spelled = "auto" if text.lower() == "auto" else "PT10M"
    assert to_builtins(document) == {"leadTime": spelled}
    theirs = msgspec.json.decode(encoder(lambda length: f"{length.total_seconds():g} s").encode(document))
    assert theirs == {"leadTime": "auto" if spelled == "auto" else "600 s"}
