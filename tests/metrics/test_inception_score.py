import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.metrics.inception_score import inception_interval, inception_score


@given(st.integers(1, 12), st.integers(1, 5), st.floats(-50, 50))
def test_the_same_answer_for_all_images_scores_one(k: int, splits: int, level: float) -> None:
    uniform = torch.full((40, k), level)
    assert inception_score(uniform, splits) == pytest.approx((1, 0), abs=1e-12)
    torn = torch.randn(1, k).repeat(40, 1)
    assert inception_score(torn, splits) == pytest.approx((1, 0), abs=1e-12)


@pytest.mark.parametrize("sure", [60.0, 1e3, 1e30])
@pytest.mark.parametrize("k", [2, 7])
def test_each_class_for_certain_and_equally_often_scores_their_number(sure: float, k: int) -> None:
    logits = sure * torch.eye(k, dtype=torch.float64).repeat(30, 1)
    assert inception_score(logits, splits=1) == pytest.approx((k, 0), rel=1e-12)


def test_certain_and_unequal_classes_score_the_exponential_of_their_entropy() -> None:
    logits = 500 * torch.eye(3, dtype=torch.float64)[[0] * 50 + [1] * 30 + [2] * 20]
    share = np.array([0.5, 0.3, 0.2])
    expected = np.exp(-(share * np.log(share)).sum())
    assert inception_score(logits, splits=1)[0] == pytest.approx(expected, rel=1e-12)


def test_doubt_costs_score_and_so_does_a_missing_class() -> None:
    logits = torch.randn(2000, 10)
    classes = torch.arange(2000) % 10
    sure = logits + 9 * torch.eye(10)[classes]
    five = logits + 9 * torch.eye(10)[classes % 5]
    assert inception_score(sure)[0] > inception_score(logits + sure / 3)[0] + 1
    assert inception_score(sure)[0] > inception_score(five)[0] + 3


def test_sorted_classes_are_shuffled_before_they_are_split() -> None:
    logits = 100 * torch.eye(10).repeat_interleave(200, 0)
    assert inception_score(logits)[0] > 9


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    draws = [2 * torch.randn(500, 10) for _ in range(80)]
    scatter = np.std([inception_score(draw)[0] for draw in draws])
    found = [inception_interval(draw, resamples=100) for draw in draws[:15]]
    assert 0.8 < np.mean([(high - low) / 3.92 for _, low, high in found]) / scatter < 1.25
    assert all(low < value < high for value, low, high in found)


def test_interval_keeps_the_value_and_the_range() -> None:
    logits = 100 * torch.eye(4).repeat(25, 1)
    value, low, high = inception_interval(logits)
    assert value == inception_score(logits)[0]
    assert 1 <= low <= value <= high <= 4
    assert inception_interval(torch.zeros(20, 4)) == pytest.approx((1, 1, 1), abs=1e-12)


def test_repeats_itself_by_its_seed() -> None:
    logits = torch.randn(101, 5)
    assert inception_interval(logits, seed=3) == inception_interval(logits, seed=3)
    assert inception_score(logits, seed=3) != inception_score(logits, seed=4)


def test_refuses_what_it_cannot_score() -> None:
    with pytest.raises(UserError, match=r"19 rows of logits are too few; .* at least 20"):
        inception_score(torch.randn(19, 3))
    with pytest.raises(UserError, match="at least 1 split"):
        inception_score(torch.randn(19, 3), splits=0)
    with pytest.raises(UserError, match="NaN or infinite"):
        inception_interval(torch.randn(20, 3) / 0)
