"""Which topics nobody reads."""

from shared.bus.readership import PROBES_PER_SECOND, Readership

TOPICS = [f"executions/demo/job-{number}" for number in range(1_000)]


class Seconds:
    """A clock to turn."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell seconds."""
        return self.now


def unread(clock: Seconds) -> Readership:
    """Return a readership that has learnt of each topic that nobody reads it, and has just used up its probe."""
    readership = Readership(clock)
    for topic in TOPICS:
        readership.note(topic, is_read=False)
    clock.now = 1.0
    readership.note(topic, is_read=not readership.is_worth_trying(topic))
    return readership


def test_a_topic_is_worth_trying_until_the_broker_says_otherwise() -> None:
    readership = Readership(Seconds())
    assert readership.is_worth_trying("a")
    readership.note("a", is_read=True)
    assert readership.is_worth_trying("a")


def test_a_flood_of_reports_that_nobody_reads_comes_down_to_some_probes() -> None:
    clock = Seconds()
    readership = unread(clock)
    tried = 0
    for _ in range(10):
        clock.now += 0.1
        for topic in TOPICS:
            if readership.is_worth_trying(topic):
                readership.note(topic, is_read=False)
                tried += 1
    assert 9 <= tried <= PROBES_PER_SECOND


def test_what_is_rarer_than_the_probes_is_never_spared() -> None:
    clock = Seconds()
    readership = unread(clock)
    for topic in TOPICS:
        clock.now += 1.1 / PROBES_PER_SECOND
        assert readership.is_worth_trying(topic)
        readership.note(topic, is_read=False)


def test_the_first_new_reader_found_puts_every_topic_in_doubt() -> None:
    clock = Seconds()
    readership = unread(clock)
    assert not readership.is_worth_trying(TOPICS[0])
    clock.now += 1
    assert readership.is_worth_trying(TOPICS[0])
    readership.note(TOPICS[0], is_read=True)
    assert all(readership.is_worth_trying(topic) for topic in TOPICS)


def test_a_topic_that_was_always_read_puts_none_in_doubt() -> None:
    readership = Readership(Seconds())
    readership.note("executions/demo/other", is_read=True)
    for topic in TOPICS:
        readership.note(topic, is_read=False)
    readership.note("executions/demo/other", is_read=True)
    assert readership.is_worth_trying(TOPICS[0])
    assert not readership.is_worth_trying(TOPICS[1])


def test_where_nobody_reads_anything_new_topics_are_spared_too() -> None:
    readership = unread(Seconds())
    assert not readership.is_worth_trying("executions/demo/new")


def test_where_somebody_reads_something_new_topics_are_tried() -> None:
    readership = Readership(Seconds())
    readership.note("executions/demo/other", is_read=True)
    for topic in TOPICS:
        readership.note(topic, is_read=False)
    assert all(readership.is_worth_trying(f"executions/demo/new-{number}") for number in range(10))
