"""The book of trials: order, the rule by which trials are stopped, and half-written lines."""

from pathlib import Path

import pytest

from gansmith.apps.study.design import JOURNAL, Plan, design
from gansmith.apps.study.ledger import Ledger
from gansmith.errors import UserError


def plan_of(arms: int, seeds: int) -> Plan:
    values = ",".join(str(8 * (i + 1)) for i in range(arms))
    varied = [f"batch={values}"]
    wanted = design(None, None, varied, "20m", seeds, 0, None, {}, 2000)
    many = (1,) * arms
    return Plan(wanted, "fd", "lower", "images", many, many, many, 60, 4)


def test_trials_are_written_once_and_go_on(tmp_path: Path) -> None:
    plan = plan_of(2, 2)
    book = Ledger(tmp_path, plan)
    assert book.open() == [0, 1, 2, 3]
    book.begin(0)
    book.begin(1)
    book.report(0, 1, 0.5)
    book.finish(0, 0.25, {"images": 64})
    book.fail(1, "training diverged by step 3")
    again = Ledger(tmp_path, plan)
    assert again.open() == [2, 3]
    assert again.trial(0).value == 0.25
    assert again.trial(0).params == {"arm": "8", "seed": 0}
    assert again.trial(0).user_attrs == {"images": 64}
    assert again.trial(1).user_attrs["why"].startswith("training diverged")
    again.begin(2)
    third = Ledger(tmp_path, plan)
    assert third.open() == [2, 3]  # 2 was running: it goes on first
    third.begin(2)
    third.report(2, 1, 0.9)
    third.report(2, 1, 0.9)  # said again by a life that resumes
    assert third.trial(2).intermediate_values == {1: 0.9}
    third.finish(2, 0.3, {})
    assert third.trial(2).params == {"arm": "8", "seed": 1}


def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path: Path) -> None:
    plan = plan_of(2, 1)
    Ledger(tmp_path, plan).begin(0)
    journal = tmp_path / JOURNAL
    whole = journal.read_bytes()
    for cut in range(1, 40, 3):
        journal.write_bytes(whole[:-cut])
        book = Ledger(tmp_path, plan)
        assert book.open() == [0, 1]
        book.begin(0)
        book.finish(0, 0.5, {})
        assert Ledger(tmp_path, plan).open() == [1]
    journal.write_bytes(whole[:50] + b"\n" + whole[50:])
    with pytest.raises(UserError, match="damaged"):
        Ledger(tmp_path, plan)


def fill(book: Ledger, numbers: range, quarter: int) -> None:
    for number in numbers:
        book.begin(number)
        book.report(number, quarter, 1.0 + 0.01 * number)


def test_the_worst_of_later_seeds_are_stopped_whoever_was_faster(tmp_path: Path) -> None:
    book = Ledger(tmp_path, plan_of(5, 3))
    fill(book, range(9), 1)  # the first seed, and four of the second
    for number in range(9, 13):
        book.begin(number)
    assert book.to_stop(8, 1) is False  # five earlier trials are too few to say
    book.report(10, 1, 99.0)
    assert book.to_stop(10, 1) is None  # trial 9 of the second seed may still be as bad
    book.report(11, 1, 0.5)
    assert book.to_stop(11, 1) is None
    book.report(9, 1, 1.0)
    assert book.to_stop(10, 1) is True
    assert book.to_stop(11, 1) is False
    assert book.to_stop(10, 3) is False  # it is too late to save anything
    book.stop(10, 1, {})
    assert "after 1 of 4 quarters" in book.trial(10).user_attrs["why"]
    assert 10 not in book.open()


def test_a_trial_that_failed_early_does_not_hold_up_others(tmp_path: Path) -> None:
    book = Ledger(tmp_path, plan_of(5, 3))
    fill(book, range(9), 1)
    book.begin(9)
    book.fail(9, "training diverged by step 2")
    book.begin(10)
    book.report(10, 1, float("nan"))
    assert book.to_stop(10, 1) is True
