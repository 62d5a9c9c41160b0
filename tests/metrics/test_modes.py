import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.metrics.modes import modes_2d, nearest_counts, uniform_kl

GRID = torch.cartesian_prod(torch.arange(-4.0, 5, 2), torch.arange(-4.0, 5, 2))


def mixture(centres: torch.Tensor, sigma: float, count: int = 2500) -> torch.Tensor:
    return centres[torch.arange(count) % len(centres)] + sigma * torch.randn(count, 2)


def test_the_mixture_itself_reaches_the_ceiling() -> None:
    found = modes_2d(mixture(GRID, 0.05), GRID, 0.05)
    assert found.found == 25
    assert found.high_quality == pytest.approx(1 - math.exp(-9 / 2), abs=0.006)
    assert found.kl == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kept", [1, 5, 20])
def test_missing_modes(kept: int) -> None:
    found = modes_2d(mixture(GRID[:kept], 0.05, 100 * kept), GRID, 0.05)
    assert found.found == kept
    assert found.kl == pytest.approx(math.log(25 / kept), abs=1e-12)


def test_points_between_modes_count_for_kl_only() -> None:
    points = torch.tensor([[0.0, 0.0], [0.0, 0.149], [0.0, 0.151], [0.9, 0.0], [2.0, 2.0]])
    found = modes_2d(points, GRID, 0.05)
    assert found.found == 2
    assert found.high_quality == 3 / 5
    assert nearest_counts(points, GRID).max() == 4
    expected = 0.8 * math.log(25 * 0.8) + 0.2 * math.log(25 * 0.2)
    assert found.kl == pytest.approx(expected)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any))
def test_kl_lies_between_zero_and_log_k(counts: list[int]) -> None:
    kl = uniform_kl(np.array(counts))
    assert 0 <= kl <= math.log(len(counts)) + 1e-9
    assert uniform_kl(np.array(counts[::-1])) == pytest.approx(kl)


@pytest.mark.parametrize(
    ("points", "centres", "sigma", "words"),
    [
        (torch.tensor([[torch.nan, 0.0]]), GRID, 0.05, "1 of 1 points are NaN"),
        (torch.zeros(0, 2), GRID, 0.05, "0 points are too few"),
        (torch.zeros(5, 3), GRID, 0.05, "points have 3 coordinates, centres 2"),
        (torch.zeros(5, 2), torch.zeros(0, 2), 0.05, "0 centres"),
        (torch.zeros(5, 2), GRID, 0.0, "sigma is 0.0; it must be positive"),
        (torch.zeros(5, 2), GRID, math.nan, "sigma is nan"),
    ],
)
def test_bad_input(points: torch.Tensor, centres: torch.Tensor, sigma: float, words: str) -> None:
    with pytest.raises(UserError, match=words):
        modes_2d(points, centres, sigma)
