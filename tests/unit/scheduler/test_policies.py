"""Which of many rules answers a question about an event: field by field, the most special and the narrowest first."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.policies import (
    AUTO,
    AtDeadline,
    DurationRule,
    InFlight,
    LastStanding,
    Level,
    Maintenance,
    MaintenanceRule,
    OnRelease,
    Policies,
    Strategy,
    Traits,
)

FREEZE = Traits("Freeze", "Platform", 5)
SHORT, MINUTE = timedelta(seconds=9), timedelta(minutes=1)
PLACES = ("by_type", "by_source", "by_duration", "rule")
LEVELS = ("job", "collection", "fleet")
ORDER = [(level, place) for level in LEVELS for place in PLACES]
"""Who is asked, one after the other."""


def maintenance(**rules: MaintenanceRule) -> Maintenance:
    """Return one level's document with a rule in each of the places."""
    keyed = {"by_type": "freeze", "by_source": "platform"}
    fields: dict[str, object] = {
        place: {keyed[place]: rule} if place in keyed else rule for place, rule in rules.items()
    }
    if "by_duration" in rules:
        fields["by_duration"] = (DurationRule(up_to=timedelta(seconds=9), rule=rules["by_duration"]),)
    return Maintenance(**fields)  # type: ignore[arg-type]


def policies(answers: dict[tuple[str, str], MaintenanceRule], *, has_pool: bool = True) -> Policies:
    levels = {
        level: maintenance(**{place: rule for (at, place), rule in answers.items() if at == level}) for level in LEVELS
    }
    return Policies(**levels, has_pool=has_pool)


@pytest.mark.parametrize("first", range(len(ORDER)), ids=["-".join(each) for each in ORDER])
def test_each_place_is_asked_before_all_that_come_after_it(first: int) -> None:
    leads = {where: MaintenanceRule(lead_time=timedelta(minutes=at)) for at, where in enumerate(ORDER) if at >= first}
    resolved = policies(leads)
    assert resolved.under(FREEZE).lead_time == timedelta(minutes=first)
    assert resolved.origins(FREEZE)["lead_time"] == ORDER[first][0]


ANSWERS: dict[str, list[object]] = {
    "strategy": [*Strategy],
    "lead_time": [timedelta(0), MINUTE, AUTO],
    "in_flight": [*InFlight],
    "at_deadline": [*AtDeadline],
    "last_standing": [*LastStanding],
    "on_release": [*OnRelease],
}
DEFAULTS = {
    "strategy": Strategy.REROUTE,
    "lead_time": None,
    "in_flight": InFlight.WAIT,
    "at_deadline": AtDeadline.LEAVE,
    "last_standing": LastStanding.HOLD_ALL,
    "on_release": OnRelease.RUN_ONCE,
}
RULES = st.builds(MaintenanceRule, **{name: st.sampled_from([None, *values]) for name, values in ANSWERS.items()})


@given(st.dictionaries(st.sampled_from(ORDER), RULES))
def test_every_field_is_answered_apart_by_the_first_who_has_an_answer(answers) -> None:  # type: ignore[no-untyped-def]
    resolved = policies(answers)
    for field, default in DEFAULTS.items():
        said = [(getattr(answers[where], field), where[0]) for where in ORDER if where in answers]
        answer, level = next((each for each in said if each[0] is not None), (default, "default"))
        assert getattr(resolved.under(FREEZE), field) == answer
        assert resolved.origins(FREEZE)[field] == level


@pytest.mark.parametrize(("has_pool", "strategy"), [(True, Strategy.REROUTE), (False, Strategy.HOLD)])
def test_without_an_answer_a_job_with_a_pool_moves_and_one_without_waits(has_pool: bool, strategy: Strategy) -> None:
    resolved = policies({}, has_pool=has_pool)
    assert resolved.under(FREEZE).strategy is strategy
    assert set(resolved.origins(FREEZE).values()) == {Level.DEFAULT}


def test_an_answer_that_equals_the_default_is_an_answer() -> None:
    resolved = policies({("collection", "rule"): MaintenanceRule(in_flight=InFlight.WAIT)})
    assert resolved.origins(FREEZE)["in_flight"] is Level.COLLECTION


@pytest.mark.parametrize("seconds", [None, -1], ids=["unknown", "below zero"])
def test_a_duration_that_is_not_known_is_never_short(seconds: int | None) -> None:
    resolved = policies({("job", "by_duration"): MaintenanceRule(strategy=Strategy.IGNORE)})
    assert resolved.under(Traits("Freeze", "Platform", seconds)).strategy is Strategy.REROUTE


@pytest.mark.parametrize(
    ("seconds", "lead"), [(0, MINUTE), (10, MINUTE), (11, 2 * MINUTE), (60, 2 * MINUTE), (61, None), (10**18, None)]
)
def test_of_the_rules_by_duration_the_shortest_that_fits_answers(seconds: int, lead: timedelta | None) -> None:
    longer = DurationRule(up_to=MINUTE, rule=MaintenanceRule(lead_time=2 * MINUTE))
    shorter = DurationRule(up_to=timedelta(seconds=10), rule=MaintenanceRule(lead_time=MINUTE))
    for order in ((longer, shorter), (shorter, longer)):
        assert Policies(job=Maintenance(by_duration=order)).under(Traits("Reboot", "", seconds)).lead_time == lead


@pytest.mark.parametrize("spelled", ["Freeze", "freeze", "FREEZE"])
def test_types_and_sources_are_told_apart_whatever_their_case(spelled: str) -> None:
    by_type = policies({("job", "by_type"): MaintenanceRule(strategy=Strategy.IGNORE)})
    by_source = policies({("job", "by_source"): MaintenanceRule(strategy=Strategy.IGNORE)})
    assert by_type.under(Traits(spelled)).strategy is Strategy.IGNORE
    assert by_source.under(Traits("Reboot", "PLATFORM")).strategy is Strategy.IGNORE


def test_a_rule_for_another_event_says_nothing() -> None:
    answers = {("job", place): MaintenanceRule(strategy=Strategy.IGNORE) for place in ("by_type", "by_source")}
    assert policies(answers).under(Traits("Reboot", "User", 5)).strategy is Strategy.REROUTE


NAMES = st.text(max_size=12)


@given(st.builds(Traits, NAMES, NAMES, st.one_of(st.none(), st.integers(0, 10**6))))
def test_traits_are_read_as_they_were_written_whatever_a_watcher_calls_its_events(traits: Traits) -> None:
    assert Traits.read(str(traits)) == traits


def test_traits_are_written_as_short_as_they_may_be() -> None:
    texts = [str(Traits("Freeze", "Platform", 9)), str(Traits("Reboot", "User")), str(Traits("Manual"))]
    assert texts == ["Freeze/Platform/9", "Reboot/User", "Manual"]


@pytest.mark.parametrize("text", ["", "Reboot", "a/b/²", "a/b/c/d", "Freeze//x"])
def test_any_text_can_be_read_as_traits(text: str) -> None:
    assert Traits.read(text).duration_seconds is None
