"""What waits to be sent, and in which order."""

import pytest

from shared.bus import Publication
from shared.bus.outbox import Outbox


def report(payload: bytes) -> Publication:
    return Publication(topic="notices", payload=payload)


def payloads(batch: list[Publication]) -> list[bytes]:
    return [publication.payload for publication in batch]


def test_state_goes_before_reports_and_only_its_newest_value() -> None:
    outbox = Outbox()
    outbox.offer(report(b"first"))
    outbox.keep("status", b"old")
    outbox.keep("status", b"new")
    assert payloads(outbox.take(10)) == [b"new", b"first"]


def test_a_batch_that_was_not_acknowledged_is_sent_again_on_the_next_connection() -> None:
    outbox = Outbox()
    outbox.keep("status", b"online")
    outbox.clear("drain")
    for payload in (b"1", b"2", b"3"):
        outbox.offer(report(payload))
    assert len(outbox.take(4)) == 4
    outbox.restart()
    assert payloads(outbox.take(10)) == [b"", b"online", b"1", b"2", b"3"]
    outbox.sent()
    assert outbox.idle


def test_all_kept_state_is_sent_again_on_each_connection() -> None:
    outbox = Outbox()
    outbox.keep("status", b"online")
    outbox.keep("events", b"calm")
    outbox.take(10)
    outbox.sent()
    outbox.restart()
    assert payloads(outbox.take(10)) == [b"online", b"calm"]


def test_what_is_kept_first_is_sent_first_now_and_on_each_connection() -> None:
    outbox = Outbox()
    outbox.keep("block", b"")
    outbox.keep("events", b"calm")
    outbox.keep("block", b"at work")
    outbox.keep("events", b"a reboot")
    assert payloads(outbox.take(10)) == [b"at work", b"a reboot"]
    outbox.keep("events", b"another")
    outbox.restart()
    assert payloads(outbox.take(10)) == [b"at work", b"another"]


def test_a_topic_kept_again_after_it_was_cleared_is_kept() -> None:
    outbox = Outbox()
    outbox.keep("drain", b"draining")
    outbox.clear("drain")
    outbox.keep("drain", b"drained")
    assert payloads(outbox.take(10)) == [b"drained"]


def test_reports_beyond_the_limit_are_turned_away() -> None:
    outbox = Outbox(offers_limit=1)
    assert outbox.offer(report(b"1"))
    assert not outbox.offer(report(b"2"))


def test_own_words_are_known_in_order_and_others_are_not() -> None:
    outbox = Outbox()
    for payload in (b"1", b"2", b"3"):
        outbox.keep("status", payload)
        outbox.take(10)
        outbox.sent()
    assert outbox.hear("status", b"1")
    assert outbox.hear("status", b"1"), "two subscriptions may bring it twice"
    assert outbox.hear("status", b"3"), "the broker may skip one"
    assert not outbox.hear("status", b"2"), "what comes after newer words is somebody else's"
    assert outbox.differs("status", b"2")
    assert not outbox.differs("status", b"3")


def test_repeating_a_topic_that_was_cleared_does_nothing() -> None:
    outbox = Outbox()
    outbox.keep("drain", b"draining")
    outbox.clear("drain")
    outbox.take(10)
    outbox.sent()
    outbox.repeat("drain")
    assert outbox.idle


@pytest.mark.parametrize("topic", ["", "hosts/+/status", "hosts/#", "a\0b"])
def test_a_topic_that_no_broker_takes_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        Outbox().keep(topic, b"1")


def test_a_payload_that_no_reader_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="exceed"):
        Outbox().keep("status", b"1" * (256 * 1024 + 1))
