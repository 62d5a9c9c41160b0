"""How long a budget is, and what follows from it."""

import pytest
import torch

from gansmith.config import Budget
from gansmith.training import Pace, every_steps, measure, planned_images


@pytest.mark.parametrize(
    ("budget", "images"),
    [
        ("10-steps", 320),
        ("1-steps", 32),
        ("1000-images", 992),
        ("1-images", 32),
        ("10s", 992),  # at 100 images/s, to whole batches
        ("1s", 96),
    ],
)
def test_a_budget_is_a_whole_number_of_batches(budget, images):
    assert planned_images(Budget.parse(budget), 32, 100.0) == images


def test_saves_are_a_tenth_apart_and_no_rarer_than_ten_minutes(make):
    cfg = make().cfg  # batches of 8
    assert every_steps(cfg, 8 * 1000, 1e9) == (100, 83)
    assert every_steps(cfg, 8 * 10**6, 80.0) == (6000, 83_333)
    assert every_steps(cfg, 8, 1.0) == (1, 1)


def test_the_fastest_thread_count_stands():
    pace = Pace({4: 50.0, 1: 80.0, 2: 60.0})
    assert (pace.threads, pace.best) == (1, 80.0)


def test_measuring_uses_throw_away_nets(make):
    run, other = make(), make()
    before, fresh = run.everything(), []

    def throw_away():
        fresh.append(other)
        return other.task, other.state

    pace = measure(run.engine, run.cfg, throw_away, run.batches, (1,), seconds=0.0)
    assert pace.threads == 1
    assert pace.best > 0
    assert len(fresh) == 1
    after = run.everything()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert run.state.step == 0
    assert any(
        not torch.equal(before[key], value)
        for key, value in other.everything().items()
        if key in before
    )


def test_a_thread_count_that_is_hopeless_is_given_up(make, monkeypatch):
    """At two threads the clock says a hundred times as long: one step of it is enough."""
    run, played = make(), []
    clock = {"now": 0.0}

    def slow(*_):
        played.append(torch.get_num_threads())
        clock["now"] += 0.125 if torch.get_num_threads() == 1 else 10.0

    monkeypatch.setattr("gansmith.training.pace.play", slow)
    monkeypatch.setattr("gansmith.training.pace.time.perf_counter", lambda: clock["now"])
    found = {}
    for counts in ((1, 2), (2, 1)):
        played.clear()
        pace = measure(run.engine, run.cfg, lambda: (run.task, run.state), run.batches, counts, 1.0)
        found[counts] = (pace.threads, played.count(1), played.count(2))
    assert found[1, 2] == (1, 9, 1)  # warm, a second of steps; then one that says enough
    assert found[2, 1] == (1, 9, 3)  # the first count has nothing to be compared with


def test_a_thread_count_that_is_as_good_is_measured_in_full(make, monkeypatch):
    run, clock, played = make(), {"now": 0.0}, []

    def play(*_):
        played.append(torch.get_num_threads())
        clock["now"] += 0.11 if torch.get_num_threads() == 1 else 0.06

    monkeypatch.setattr("gansmith.training.pace.play", play)
    monkeypatch.setattr("gansmith.training.pace.time.perf_counter", lambda: clock["now"])
    pace = measure(run.engine, run.cfg, lambda: (run.task, run.state), run.batches, (1, 2), 1.0)
    assert pace.threads == 2
    assert played.count(2) > 15
