import numpy as np
import pytest
import torch

from gansmith.errors import UserError
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.kernel import kernel_distance, kernel_interval, subset_size


def test_gaussians_in_one_dimension() -> None:
    # (xy + 1)³ has the features √3 x, √3 x², x³, so MMD² is 3 Δ1² + 3 Δ2² + Δ3² in moments.
    shift = 0.5
    expected = 3 * shift**2 + 3 * (shift**2) ** 2 + (shift**3 + 3 * shift) ** 2
    real, fake = torch.randn(20_000, 1), torch.randn(20_000, 1) + shift
    mean, std = kernel_distance(real, fake, subsets=12)
    low, high = kernel_interval(mean, std, 20_000, 20_000, subsets=12)
    assert low < expected < high
    assert mean == pytest.approx(expected, rel=0.15)


def test_one_subset_is_the_formula() -> None:
    # Every row is the same within a set, so any subset has the same, exact answer.
    real, fake = torch.tensor([[1.0, 2.0]]).repeat(10, 1), torch.tensor([[0.0, -1.0]]).repeat(8, 1)
    expected = (5 / 2 + 1) ** 3 + (1 / 2 + 1) ** 3 - 2 * (-2 / 2 + 1) ** 3
    assert kernel_distance(real, fake) == pytest.approx((expected, 0.0), abs=1e-12)


def test_is_torch_fidelitys() -> None:
    real, fake = torch.randn(2400, 8), torch.randn(2200, 8) * 1.2
    metric = fidelity("metric_kid")
    found = metric.kid_features_to_metric(
        real.double(),
        fake.double(),
        kid_subsets=3,
        kid_subset_size=1000,
        rng_seed=3,
        verbose=False,
    )
    reference = found[metric.KEY_METRIC_KID_MEAN], found[metric.KEY_METRIC_KID_STD]
    assert kernel_distance(real, fake, seed=3, subsets=3) == pytest.approx(reference, rel=1e-9)


def test_equal_distributions_scatter_around_zero() -> None:
    pairs = [
        kernel_distance(torch.randn(200, 8), torch.randn(200, 8), subsets=30) for _ in range(20)
    ]
    means = np.array([mean for mean, _ in pairs])
    assert (means < 0).any()
    assert (means > 0).any()
    assert abs(means.mean()) < 3 * means.std() / np.sqrt(len(means)) + 1e-3


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    draws = [(torch.randn(300, 4), 0.5 + torch.randn(300, 4)) for _ in range(60)]
    pairs = [kernel_distance(real, fake, subsets=25) for real, fake in draws]
    scatter = np.std([mean for mean, _ in pairs])
    sides = [kernel_interval(mean, std, 300, 300, subsets=25) for mean, std in pairs]
    assert 0.8 < np.mean([(high - low) / 3.92 for low, high in sides]) / scatter < 1.3


@pytest.mark.parametrize(
    ("real", "fake", "size"), [(2, 2, 2), (3, 50, 2), (500, 90, 45), (9_000, 60_000, 1000)]
)
def test_subsets_fit_and_differ(real: int, fake: int, size: int) -> None:
    assert subset_size(real, fake) == size


def test_two_samples_are_enough_and_one_is_not() -> None:
    mean, std = kernel_distance(torch.randn(2, 3), torch.randn(2, 3))
    low, high = kernel_interval(mean, std, 2, 2)
    assert low <= mean <= high
    with pytest.raises(UserError, match="too few"):
        kernel_distance(torch.randn(2, 3), torch.randn(1, 3))
