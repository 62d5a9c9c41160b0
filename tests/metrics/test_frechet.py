import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.frechet import (
    Reference,
    frechet_distance,
    frechet_interval,
)


def exactly(mean: Tensor, root: Tensor, count: int = 200, seed: int = 0) -> Tensor:
    """Samples whose mean and covariance are ``mean`` and ``root @ root.T``, not only expected."""
    rows = torch.randn(
        count, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    rows = rows - rows.mean(0)
    whiten = torch.linalg.cholesky(torch.linalg.inv(torch.atleast_2d(torch.cov(rows.T))))
    return rows @ whiten @ root.T + mean


def test_diagonal_gaussians() -> None:
    one, two = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.3, 2.5, 4.0])
    shift = torch.tensor([1.0, -2.0, 0.25])
    real = exactly(torch.zeros(3), torch.diag(one).double())
    fake = exactly(shift, torch.diag(two).double(), seed=1)
    expected = (shift**2).sum() + ((one - two) ** 2).sum()
    assert frechet_distance(real, fake) == pytest.approx(expected.item(), abs=1e-6)


@given(st.lists(st.floats(-2, 2), min_size=10, max_size=10))
def test_any_two_gaussians_in_the_plane(numbers: list[float]) -> None:
    values = torch.tensor(numbers, dtype=torch.float64)
    mean, a, b = values[:2], values[2:6].view(2, 2), values[6:].view(2, 2)
    eye = 0.1 * torch.eye(2, dtype=torch.float64)
    real, fake = exactly(torch.zeros(2), a + 3 * eye), exactly(mean, b + eye, seed=1)
    one, two = torch.cov(real.T), torch.cov(fake.T)
    # For 2x2, tr (S S')^½ = (tr S S' + 2 (det S S')^½)^½.
    cross = (one @ two).trace() + 2 * (torch.det(one).clamp(0) * torch.det(two).clamp(0)).sqrt()
    expected = (mean**2).sum() + one.trace() + two.trace() - 2 * cross.sqrt()
    assert frechet_distance(real, fake) == pytest.approx(expected.item(), abs=2e-6)


def test_equal_sets_are_at_zero_even_with_fewer_samples_than_dimensions() -> None:
    rows = torch.randn(20, 64)
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-5)


def test_one_dimension() -> None:
    real = exactly(torch.zeros(1), torch.ones(1, 1, dtype=torch.float64))
    assert frechet_distance(real, 3 * real + 1) == pytest.approx(1 + 4, abs=1e-9)


def test_is_torch_fidelitys() -> None:
    real, fake = torch.randn(300, 16), 0.3 + torch.randn(400, 16) ** 2
    metric = fidelity("metric_fid")
    statistics = [metric.fid_features_to_statistics(rows.double()) for rows in (real, fake)]
    reference = metric.fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance(real, fake) == pytest.approx(reference[metric.KEY_METRIC_FID], rel=1e-9)


def test_a_weight_is_as_many_copies_of_the_sample() -> None:
    real, rows = torch.randn(30, 3).double(), 0.5 + 2 * torch.randn(5, 3).double()
    draws = [np.array(counts) for counts in ([0, 3, 1, 2, 1], [1, 1, 1, 1, 1], [0, 0, 5, 2, 0])]
    copies = [rows[np.repeat(np.arange(5), counts)] for counts in draws]
    wanted = [frechet_distance(real, copied) for copied in copies]
    assert Reference(real).resampled(rows, draws) == pytest.approx(wanted, rel=1e-6)


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    real = torch.randn(2000, 4)
    draws = [0.4 + torch.randn(400, 4) for _ in range(60)]
    scatter = np.std([frechet_distance(real, fake) for fake in draws])
    intervals = [frechet_interval(real, fake, seed=1) for fake in draws[:10]]
    widths = [(high - low) / 3.92 for _, low, high in intervals]
    assert 0.7 < np.mean(widths) / scatter < 1.3
    assert all(low < value < high for value, low, high in intervals)


def test_interval_repeats_and_keeps_the_value() -> None:
    real, fake = torch.randn(100, 3), torch.randn(90, 3) + 1
    assert frechet_interval(real, fake, seed=5) == frechet_interval(real, fake, seed=5)
    assert frechet_interval(real, fake)[0] == frechet_distance(real, fake)


def test_refuses_one_sample() -> None:
    with pytest.raises(UserError, match="at least 2"):
        frechet_distance(torch.randn(9, 3), torch.randn(1, 3))
