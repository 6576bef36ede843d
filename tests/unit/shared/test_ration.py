"""So much at a time and so much a second."""

from shared.ration import Ration


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_ration_gives_what_it_holds_and_then_so_much_a_second() -> None:
    hand = Hand()
    ration = Ration(burst=3, per_second=2, clock=hand)
    assert [ration.take() for _ in range(4)] == [True, True, True, False]
    hand.seconds += 1
    assert [ration.take() for _ in range(3)] == [True, True, False]


def test_a_ration_holds_no_more_than_its_burst_however_long_it_was_left_alone() -> None:
    hand = Hand()
    ration = Ration(burst=2, per_second=10, clock=hand)
    hand.seconds += 3600
    assert [ration.take() for _ in range(3)] == [True, True, False]


def test_a_ration_says_what_is_left_and_how_long_to_wait_for_more() -> None:
    hand = Hand()
    ration = Ration(burst=3, per_second=2, clock=hand)
    ration.take(2)
    assert ration.left == 1
    assert ration.wait() == 0
    assert ration.wait(3) == 1


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    hand = Hand()
    ration = Ration(burst=2, per_second=1, clock=hand)
    ration.take()
    hand.seconds -= 3600
    assert ration.take()
    hand.seconds += 1
    assert ration.take()


def test_what_is_too_much_takes_nothing() -> None:
    ration = Ration(burst=5, per_second=0, clock=Hand())
    assert not ration.take(6)
    assert ration.take(5)
