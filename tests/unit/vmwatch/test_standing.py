"""How the metadata service stands, told from its answers alone."""

from datetime import timedelta

from services.vmwatch.documents import Document
from services.vmwatch.standing import ACTIVATION, SWITCHED_OFF, Standing
from shared.messages import Event, MetadataState
from tests.parts.watching import NOON

SECOND = timedelta(seconds=1)
EVENT = Event(event_id="E", type="Reboot", status="Scheduled", resources=("db-0",))
WORKING = Document(incarnation=7, events=())
FRESH = Document(incarnation=1, events=())


def test_the_first_answer_is_awaited_from_the_start() -> None:
    standing = Standing(NOON)
    assert (standing.state, standing.since) == (MetadataState.WAITING, NOON)


def test_a_service_that_has_counted_before_is_active_at_once() -> None:
    standing = Standing(NOON)
    standing.answered(WORKING, NOON + SECOND)
    assert (standing.state, standing.since, standing.resets) == (MetadataState.ACTIVE, NOON + SECOND, 0)


def test_a_service_that_may_just_have_been_switched_on_gets_five_minutes() -> None:
    standing = Standing(NOON)
    standing.answered(FRESH, NOON)
    standing.answered(FRESH, NOON + ACTIVATION - SECOND)
    assert (standing.state, standing.since) == (MetadataState.ACTIVATING, NOON)
    standing.answered(FRESH, NOON + ACTIVATION)
    assert (standing.state, standing.since) == (MetadataState.ACTIVE, NOON + ACTIVATION)


def test_an_event_proves_that_the_service_is_active() -> None:
    standing = Standing(NOON)
    standing.answered(Document(incarnation=1, events=(EVENT,)), NOON)
    assert standing.state is MetadataState.ACTIVE


def test_a_falling_incarnation_is_a_service_that_began_anew() -> None:
    standing = Standing(NOON)
    standing.answered(WORKING, NOON)
    standing.answered(FRESH, NOON + SECOND)
    standing.answered(FRESH, NOON + 2 * SECOND)
    assert (standing.state, standing.since, standing.resets) == (MetadataState.ACTIVATING, NOON + SECOND, 1)


def test_a_day_without_an_answer_switches_the_service_off_even_if_its_incarnation_is_the_same() -> None:
    standing = Standing(NOON)
    standing.answered(WORKING, NOON)
    standing.answered(WORKING, NOON + SWITCHED_OFF + SECOND)
    assert (standing.state, standing.resets) == (MetadataState.ACTIVATING, 0)


def test_failures_are_dated_by_the_first_and_end_where_they_began() -> None:
    standing = Standing(NOON)
    standing.answered(FRESH, NOON)
    standing.failed(NOON + SECOND)
    standing.failed(NOON + 9 * SECOND)
    assert (standing.state, standing.since) == (MetadataState.FAILING, NOON + SECOND)
    standing.answered(FRESH, NOON + 10 * SECOND)
    assert standing.state is MetadataState.ACTIVATING
