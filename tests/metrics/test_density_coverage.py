import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.metrics.density_coverage import density_coverage, density_coverage_interval
from gansmith.metrics.intervals import wilson
from gansmith.metrics.precision_recall import precision_recall


def by_definition(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """Plain numpy, distance by distance."""
    among = np.sort(np.linalg.norm(real[:, None] - real[None], axis=2), axis=1)
    inside = np.linalg.norm(real[:, None] - fake[None], axis=2) <= among[:, k, None]
    return inside.sum() / (k * len(fake)), inside.any(1).mean()


def test_on_a_line_by_hand() -> None:
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])  # radii for k=1: 1, 1, 1, 8
    fake = torch.tensor([[-0.5], [0.5], [3.5]])  # in the balls of: 0; 0 and 1; 10
    assert density_coverage(real, fake, k=1) == pytest.approx((4 / 3, 3 / 4))


@given(st.integers(7, 40), st.integers(1, 60), st.integers(1, 6), st.integers(0, 1000))
def test_agrees_with_the_definition(n: int, m: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    real = torch.randn(n, 4, generator=generator)
    fake = 0.9 * torch.randn(m, 4, generator=generator) + 0.2
    expected = by_definition(real.double().numpy(), fake.double().numpy(), k)
    assert density_coverage(real, fake, k) == pytest.approx(expected, abs=1e-12)


def test_agrees_with_the_definition_in_many_dimensions_and_over_several_pieces() -> None:
    exact = "donot_use_mm_for_euclid_dist"
    real, fake = torch.randn(1100, 100).double(), torch.randn(1300, 100).double()
    radius = torch.cdist(real, real, compute_mode=exact).sort(1).values[:, 5]
    inside = torch.cdist(real, fake, compute_mode=exact) <= radius[:, None]
    expected = inside.sum().item() / (5 * 1300), inside.any(1).double().mean().item()
    assert density_coverage(real, fake) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 5), (40, 120, 3), (100, 30, 5)])
def test_equal_distributions_have_the_expectation_of_the_docstring(n: int, m: int, k: int) -> None:
    found = np.array([density_coverage(torch.rand(n, 2), torch.rand(m, 2), k) for _ in range(300)])
    error = found.std(0) / np.sqrt(len(found))
    empty = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    assert abs(found[:, 0].mean() - 1) < 4 * error[0]
    assert abs(found[:, 1].mean() - (1 - empty)) < 4 * error[1]


def test_a_collapsed_generator_is_dense_and_covers_little() -> None:
    real = torch.randn(500, 8)
    fake = real[torch.randint(0, 10, (500,))] + 0.01 * torch.randn(500, 8)
    density, coverage = density_coverage(real, fake)
    assert density > 0.9
    assert coverage < 0.2


def test_noise_costs_both_and_distance_costs_all() -> None:
    real, fake = torch.randn(500, 8), torch.randn(500, 8)
    clean, noisy = density_coverage(real, fake), density_coverage(real, fake + torch.randn(500, 8))
    assert noisy[0] < clean[0] - 0.2
    assert noisy[1] < clean[1] - 0.1
    assert density_coverage(real, fake + 1000) == (0.0, 0.0)


def test_far_generated_samples_raise_recall_but_not_coverage() -> None:
    # Collapsed to a point but for three far samples, whose own balls reach back to that point.
    real, collapsed = torch.randn(200, 3), torch.zeros(200, 3)
    wide = collapsed.clone()
    wide[:3] = 100.0 * torch.eye(3)
    assert precision_recall(real, wide)[1] > precision_recall(real, collapsed)[1] + 0.5
    assert density_coverage(real, wide)[1] == density_coverage(real, collapsed)[1]


def test_interval_of_density_is_as_wide_as_the_scatter_of_fresh_generated_samples() -> None:
    real = torch.randn(400, 4)
    found = [density_coverage_interval(real, torch.randn(300, 4)) for _ in range(100)]
    values = np.array([density for (density, _, _), _ in found])
    widths = np.array([(high - low) / 3.92 for (_, low, high), _ in found])
    assert 0.8 < widths.mean() / values.std() < 1.25


def test_interval_of_coverage_is_wilsons() -> None:
    real, fake = torch.randn(90, 4), torch.randn(30, 4)
    (density, low, high), (coverage, below, above) = density_coverage_interval(real, fake)
    assert (density, coverage) == density_coverage(real, fake)
    assert 0 <= low < density < high
    assert (below, above) == wilson(round(coverage * 90), 90)


def test_density_interval_stays_above_zero() -> None:
    real = torch.randn(60, 2)
    fake = torch.cat([real[:1], torch.randn(59, 2) + 100])
    (_, low, _), _ = density_coverage_interval(real, fake)
    assert low == 0.0


def test_constant_features_lie_in_every_ball() -> None:
    rows = torch.ones(12, 3)
    assert density_coverage(rows, rows[:4], k=5) == (12 / 5, 1.0)


def test_refuses_what_it_cannot_score() -> None:
    rows = torch.randn(9, 2)
    with pytest.raises(UserError, match="5 real features are too few; this score needs at least 6"):
        density_coverage(rows[:5], rows)
    with pytest.raises(UserError, match="0 generated features are too few"):
        density_coverage(rows, rows[:0])
    with pytest.raises(UserError, match="1 generated features are too few"):
        density_coverage_interval(rows, rows[:1])
    with pytest.raises(UserError, match="generated ones 3"):
        density_coverage(rows, torch.randn(9, 3))
    with pytest.raises(UserError, match="k of at least 1"):
        density_coverage(rows, rows, k=0)
    with pytest.raises(UserError, match="NaN or infinite"):
        density_coverage(rows / 0, rows)


@pytest.mark.slow
def test_published_values_of_a_thousand_dimensional_gaussian() -> None:
    # 10,000 against 10,000 samples of N(0, I_1000), k = 5: the example that the authors of
    # density and coverage publish with their code gives precision 0.477, recall 0.471, density
    # 1.056 and coverage 0.974. Another draw differs: over five of ours the standard deviations
    # were 0.003, 0.011, 0.06 and 0.005; few central samples are in most balls.
    real, fake = torch.randn(10_000, 1000), torch.randn(10_000, 1000)
    precision, recall = precision_recall(real, fake, k=5)
    density, coverage = density_coverage(real, fake, k=5)
    assert precision == pytest.approx(0.477, abs=0.02)
    assert recall == pytest.approx(0.471, abs=0.04)
    assert density == pytest.approx(1.056, abs=0.2)
    assert coverage == pytest.approx(0.974, abs=0.02)
