"""What seeds tell of arms: closed forms, references, and how often a claim is false."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gansmith.metrics.comparing import (
    among_the_worst,
    average,
    compare,
    holm,
    on_log_scale,
    welch,
)

numbers = st.lists(st.integers(-50, 50), min_size=2, max_size=6)


def test_the_mean_of_logarithms_has_students_interval() -> None:
    found = average([1.0, math.e**2], log=True)
    assert found.value == pytest.approx(math.e)
    # On logarithms 0 and 2: mean 1, s = √2, half = t(0.975, 1)·√2/√2 = 12.7062.
    assert math.log(found.high) == pytest.approx(1 + 12.7062, rel=1e-5)
    assert math.log(found.low) == pytest.approx(1 - 12.7062, rel=1e-5)


def test_one_seed_has_no_interval_and_no_claim() -> None:
    assert average([0.5], log=True).low is None
    standing = compare({"a": [0.01], "b": [100.0]}, "lower")
    assert standing.best is None
    assert standing.worse == standing.tied == ()
    assert standing.ranking == ("a", "b")
    with pytest.raises(ValueError, match="at least one"):
        average([], log=False)


@given(numbers, numbers)
def test_welch_is_scipys(one: list[int], other: list[int]) -> None:
    assume(np.var(one) > 0 and np.var(other) > 0)
    wanted = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch(one, other) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_without_scatter_there_is_nothing_to_judge_by() -> None:
    assert welch([1.0, 1.0], [2.0, 2.0]) == 1.0
    with pytest.raises(ValueError, match="two values"):
        welch([1.0], [2.0, 3.0])


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04, then never falling.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_the_raw_p_and_bonferronis(p: list[float]) -> None:
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(p)) + 1e-12


@pytest.mark.parametrize(("arms", "seeds"), [(2, 3), (5, 3), (7, 3), (5, 2), (8, 5)])
def test_equal_arms_are_told_apart_in_five_per_cent_of_studies_at_most(
    arms: int, seeds: int
) -> None:
    rng = np.random.default_rng(arms * 10 + seeds)
    studies, wrong = 800, 0
    for _ in range(studies):
        scores = np.exp(0.3 * rng.standard_normal((arms, seeds)))
        standing = compare({str(i): list(row) for i, row in enumerate(scores)}, "lower", log=True)
        wrong += any(p < 0.05 for p in standing.p.values())
    # 5 % and three standard errors of the simulation itself.
    assert wrong / studies <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)


def test_a_large_difference_is_found() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        noise = np.exp(0.15 * rng.standard_normal((3, 3)))
        standing = compare(
            {"a": list(noise[0]), "b": list(noise[1]), "c": list(8 * noise[2])}, "lower"
        )
        found += standing.worse == ("c",) and standing.ranking[-1] == "c"
    assert found >= 150


def test_groups_and_direction() -> None:
    scores = {
        "good": [0.10, 0.11, 0.10],
        "alike": [0.11, 0.10, 0.115],
        "bad": [2.0, 2.1, 2.05],
        "once": [0.05],
        "never": [],
    }
    standing = compare(scores, "lower", log=True)
    assert (standing.best, standing.tied, standing.worse) == ("good", ("alike",), ("bad",))
    assert standing.untested == ("once", "never")
    assert standing.ranking == ("once", "good", "alike", "bad")
    assert standing.differ("bad", "good")
    assert standing.differ("good", "bad")
    assert not standing.differ("good", "alike")
    higher = compare({"a": [0.2, 0.21, 0.2], "b": [0.9, 0.92, 0.91]}, "higher")
    assert (higher.best, higher.worse) == ("b", ("a",))


def test_ratios_are_compared_where_scores_are_distances() -> None:
    assert on_log_scale("fd")
    assert not on_log_scale("kid")  # it may be below 0
    assert not on_log_scale("high_quality")


def test_the_worst_quarter() -> None:
    others = [float(i) for i in range(1, 12)]  # 1 ... 11; with it there are 12, a quarter is 3
    assert among_the_worst(9.5, others, "lower")  # 10, 11 and it
    assert not among_the_worst(8.5, others, "lower")  # 9, 10, 11 and it
    assert among_the_worst(2.5, others, "higher")
    assert not among_the_worst(99.0, others[:7], "lower")  # seven are too few to say
    assert among_the_worst(math.nan, others, "lower")
    assert not among_the_worst(5.0, [5.0] * 11, "lower")  # all alike: no one is the worst


@given(st.lists(st.floats(0, 10), min_size=8, max_size=30, unique=True))
def test_at_most_a_quarter_is_ever_among_the_worst(values: list[float]) -> None:
    stopped = [
        among_the_worst(value, values[:at] + values[at + 1 :], "lower")
        for at, value in enumerate(values)
    ]
    assert sum(stopped) <= 0.25 * len(values)


def test_nothing_is_claimed_in_favour_of_the_seeds_that_are_left() -> None:
    scores = {"a": [0.100, 0.101], "b": [0.20, 0.21, 0.19, 0.2, 0.22], "c": [0.5, 0.51]}
    plain = compare(scores, "lower", log=True)
    assert plain.best == "a"
    lost = compare(scores, "lower", log=True, lost=("a", "c"))
    assert lost.best == "b"
    assert "a" in lost.untested
    assert lost.worse == ("c",)  # what speaks against the lucky ones stands
    assert compare(scores, "lower", log=True, lost=tuple(scores)).best is None
