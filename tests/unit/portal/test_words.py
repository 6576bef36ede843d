"""What the page says about jobs."""

from typing import Any

import pytest

from services.scheduler.domain.actions import (
    Action,
    ActionKind,
    Call,
    HttpCall,
    MqttCall,
    ServiceBusCall,
    StorageQueueCall,
)
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import Placement
from services.scheduler.domain.recurrence import Frequency, Recurrence, Schedule
from services.scheduler.domain.secrets import KeyId, SealedSecret
from services.scheduler.portal.words import place_words, schedule_words, target_words

SECRET = SealedSecret(key=KeyId("k"), box="")
BUS: dict[str, Any] = {"namespace": "space1", "key_name": "k", "key": SECRET, "message": "m"}


def definition(recurrence: Recurrence | None = None, placement: Placement | None = None) -> JobDefinition:
    call = HttpCall(method="GET", uri="http://example.com/")
    return JobDefinition(action=Action(call=call), recurrence=recurrence, placement=placement)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (None, "once"),
        (Recurrence(frequency=Frequency.MINUTE), "every minute"),
        (Recurrence(frequency=Frequency.SECOND, interval=2), "every 2 seconds"),
        (Recurrence(cron="0 5 * * *", time_zone="Europe/Berlin"), "cron 0 5 * * *, Europe/Berlin"),
        (Recurrence(frequency=Frequency.WEEK, schedule=Schedule(hours=(5,))), "every week, by schedule"),
    ],
)
def test_a_rule_reads_as_plain_words(rule: Recurrence | None, words: str) -> None:
    assert schedule_words(definition(rule)) == words


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        (None, "by address"),
        (Placement(pool="db"), "pool db"),
        (Placement(host="db-0"), "db-0"),
        (Placement(host="db-0", pool="db"), "db-0, else pool db"),
    ],
)
def test_a_placement_reads_as_plain_words(placement: Placement | None, words: str) -> None:
    assert place_words(definition(placement=placement)) == words


def test_a_target_is_shown_without_what_may_be_secret() -> None:
    call = HttpCall(method="POST", uri="https://user:pass@example.com:8443/run?code=secret#part")
    assert target_words(call) == "POST https://example.com:8443/run"


def test_a_target_that_cannot_be_read_shows_its_method_only() -> None:
    assert target_words(HttpCall(method="GET", uri="http://[broken")) == "GET"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (StorageQueueCall(account="shop", queue="orders", sas=SECRET, message="m"), "queue orders of shop"),
        (ServiceBusCall(kind=ActionKind.SERVICE_BUS_QUEUE, entity="orders", **BUS), "queue orders of space1"),
        (ServiceBusCall(kind=ActionKind.SERVICE_BUS_TOPIC, entity="orders/eu", **BUS), "topic orders/eu of space1"),
        (MqttCall(topic="plant/tick", payload="{}"), "topic plant/tick"),
    ],
)
def test_a_message_is_shown_by_where_it_goes(call: Call, words: str) -> None:
    assert target_words(call) == words
