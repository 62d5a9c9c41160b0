"""Medians, quartiles, and ratios within a round."""

import time

from gansmith.apps.bench.clocks import LEAST_ROUNDS, Rounds, Spread, in_turn


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_a_slow_round_counts_for_both_sides() -> None:
    # Rounds that are 1, 10 and 100 times as slow: the medians' ratio would be as right, but
    # without a spread of its own.
    found = Rounds({"a": [2.0, 20.0, 200.0], "b": [1.0, 10.0, 100.0]})
    assert found.ratio("a", "b") == Spread(2.0, 2.0, 2.0)
    assert found.more("a", "b") == Spread(1.0, 1.0, 1.0)
    assert found.difference("a", "b").median == 10.0
    assert found.count == 3


def test_things_are_done_in_turn_and_forwards_and_backwards() -> None:
    done: list[str] = []
    things = {name: lambda name=name: done.append(name) for name in "abc"}
    found = in_turn(things, 0.0, "wall")
    assert found.count == LEAST_ROUNDS
    assert "".join(done[:9]) == "abc" + "abc" + "cba"  # warming up, and two rounds
    assert all(len(each) == LEAST_ROUNDS for each in found.seconds.values())


def test_the_processors_clock_does_not_count_sleep() -> None:
    def sleep() -> None:
        time.sleep(0.02)

    assert in_turn({"sleep": sleep}, 0.0, "wall").spread("sleep").median >= 0.02
    assert in_turn({"sleep": sleep}, 0.0, "processor").spread("sleep").median < 0.01


def test_the_device_is_waited_for_within_the_time() -> None:
    waits: list[int] = []
    in_turn({"a": lambda: None}, 0.0, "wall", lambda: waits.append(1))
    assert len(waits) == 1 + LEAST_ROUNDS
