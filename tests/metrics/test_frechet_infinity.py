import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.frechet import Reference, frechet_distance
from gansmith.metrics.frechet_infinity import (
    LEAST,
    POINTS,
    _points,
    frechet_infinity,
    straight,
)


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(20, 60), st.integers(2, 4), st.integers(0, 100))
def test_every_piece_has_its_frechet_distance(f: int, m: int, parts: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    real = torch.randn(50, f, generator=generator, dtype=torch.float64)
    fake = 2 + 0.5 * torch.randn(m, f, generator=generator, dtype=torch.float64)
    found = Reference(real).distances(fake, parts)
    assert [len(distances) for distances in found] == list(range(1, parts + 1))
    size = m // parts
    pieces = [frechet_distance(real, fake[i * size : (i + 1) * size]) for i in range(parts)]
    assert found[-1].tolist() == pytest.approx(pieces, rel=1e-8)
    assert found[0].item() == pytest.approx(frechet_distance(real, fake), rel=1e-8)


def gaussian(count: int, seed: int) -> Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


SPREAD, SHIFT = torch.linspace(0.5, 1.5, 16), 0.1


@pytest.mark.parametrize("count", [300, 1000])
def test_removes_the_bias_of_finite_counts(count: int) -> None:
    # The real set's mean and covariance are exact, so the value at infinity is known.
    rows = gaussian(4000, 0).double()
    rows = rows - rows.mean(0)
    real = rows @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T))).T
    truth = 16 * SHIFT**2 + ((SPREAD - 1) ** 2).sum().item()
    fakes = [SHIFT + SPREAD * gaussian(count, seed) for seed in range(1, 25)]
    plain = np.mean([frechet_distance(real, fake) for fake in fakes]) - truth
    values = [frechet_infinity(real, fake, resamples=2)[0] for fake in fakes]
    error = np.std(values) / np.sqrt(len(values))
    assert plain > 20 * 16 / count / 8  # what there is to remove: about b / M
    assert abs(np.mean(values) - truth) < 4 * error + 0.03 * plain


def test_equal_distributions_scatter_around_what_the_real_sets_own_size_adds() -> None:
    real = gaussian(10_000, 0)
    values = [frechet_infinity(real, gaussian(1000, seed), resamples=2)[0] for seed in range(1, 21)]
    plain = [frechet_distance(real, gaussian(1000, seed)) for seed in range(1, 21)]
    assert abs(np.mean(values)) < 0.15 * np.mean(plain)
    assert min(values) < 0


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    real = gaussian(2000, 0)
    fakes = [SHIFT + SPREAD * gaussian(400, seed) for seed in range(1, 41)]
    scatter = np.std([frechet_infinity(real, fake, resamples=2)[0] for fake in fakes])
    found = [frechet_infinity(real, fake) for fake in fakes[:6]]
    assert 0.75 < np.mean([(high - low) / 3.92 for _, low, high in found]) / scatter < 1.3
    assert all(low < value < high for value, low, high in found)


def test_noise_makes_it_worse() -> None:
    real, fake = gaussian(800, 0), gaussian(700, 1)
    clean = frechet_infinity(real, fake)
    noisy = frechet_infinity(real, fake + 0.7 * gaussian(700, 2))
    assert noisy[1] > clean[2]


def test_repeats_itself_by_its_seed() -> None:
    real, fake = gaussian(100, 0), gaussian(70, 1)
    assert frechet_infinity(real, fake, seed=3) == frechet_infinity(real, fake, seed=3)
    assert frechet_infinity(real, fake, seed=3) != frechet_infinity(real, fake, seed=4)


@pytest.mark.parametrize(
    ("fake", "dimensions", "points"),
    [(10_000, 64, POINTS), (2000, 64, 7), (500, 64, 2), (20, 2048, 2), (50_000, 2048, 6)],
)
def test_pieces_are_not_smaller_than_four_times_the_dimensions(
    fake: int, dimensions: int, points: int
) -> None:
    assert _points(fake, dimensions) == points
    assert straight(fake, dimensions) == (fake // points >= 4 * dimensions)


def test_constant_features_are_at_their_distance() -> None:
    real, fake = torch.zeros(30, 3), torch.full((25, 3), 2.0)
    assert frechet_infinity(real, fake) == pytest.approx((12, 12, 12), abs=1e-9)


def test_refuses_what_it_cannot_score() -> None:
    rows = torch.randn(LEAST, 2)
    with pytest.raises(UserError, match="19 generated features are too few"):
        frechet_infinity(rows, rows[1:])
    with pytest.raises(UserError, match="1 real features are too few"):
        frechet_infinity(rows[:1], rows)
    with pytest.raises(UserError, match="generated ones 3"):
        frechet_infinity(rows, torch.randn(LEAST, 3))
    with pytest.raises(UserError, match="NaN or infinite"):
        frechet_infinity(rows, rows / 0)
