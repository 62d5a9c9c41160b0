import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from gansmith.errors import UserError
from gansmith.metrics.mind import _directions, _Steps, monge_distance, monge_interval


def squared_wasserstein(one: np.ndarray, other: np.ndarray) -> float:
    """Of order 2 on the line, as the linear programme that defines it."""
    n, m = len(one), len(other)
    rows = np.kron(np.eye(n), np.ones((1, m)))
    columns = np.kron(np.ones((1, n)), np.eye(m))
    cost = ((one[:, None] - other[None]) ** 2).ravel()
    ends = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return optimize.linprog(cost, A_eq=np.vstack([rows, columns]), b_eq=ends).fun


@settings(max_examples=40)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(0, 1000))
def test_one_dimension_is_three_times_the_optimal_transport(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=n), rng.normal(1, 2, size=m)
    found = monge_distance(torch.from_numpy(real)[:, None], torch.from_numpy(fake)[:, None])
    assert found == pytest.approx(3 * squared_wasserstein(real, fake), rel=1e-9)


@given(st.integers(2, 30), st.integers(2, 30))
def test_the_pieces_of_two_quantile_functions(n: int, m: int) -> None:
    steps = _Steps.of(n, m)
    assert steps.width.sum().item() == pytest.approx(1, abs=1e-12)
    assert (steps.width > 0).all()
    for index, count in ((steps.real, n), (steps.fake, m)):
        held = torch.zeros(count, dtype=torch.float64).index_add(0, index, steps.width)
        assert held.tolist() == pytest.approx([1 / count] * count, abs=1e-12)
        assert (index.diff() >= 0).all()


@given(st.integers(2, 40), st.integers(1, 9), st.integers(0, 100))
def test_itself_is_at_zero_in_any_order(n: int, f: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, f, generator=generator)
    mixed = rows[torch.randperm(n, generator=generator)]
    assert monge_distance(rows, mixed, directions=20) == pytest.approx(0, abs=1e-20)
    assert monge_distance(rows, mixed.repeat(3, 1), directions=20) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("f", [1, 5, 50])
def test_a_shift_is_three_times_its_square(f: int) -> None:
    real, shift = torch.randn(60, f).double(), torch.randn(f).double()
    found = monge_distance(real, real + shift)  # 1000 directions are full blocks of f
    assert found == pytest.approx(3 * shift.square().sum().item(), rel=1e-9)


def test_two_gaussians_that_differ_by_a_shift_and_a_scale() -> None:
    # Of N(0, I) and N(d, s² I) every projection u is N(0, 1) and N(u·d, s²), at (u·d)² + (s - 1)².
    shift, scale, f = torch.tensor([1.0, -0.5, 0.0, 0.25, 2.0]), 1.5, 5
    expected = 3 * (shift.square().sum().item() + f * (scale - 1) ** 2)
    values = [
        monge_distance(torch.randn(8000, f), shift + scale * torch.randn(6000, f), directions=50)
        for _ in range(8)
    ]
    assert np.mean(values) == pytest.approx(expected, rel=0.02)


def test_sees_what_two_moments_do_not() -> None:
    normal = torch.randn(2000, 3)
    signs = torch.randint(0, 2, (2000, 3)) * 2.0 - 1
    null = monge_distance(normal, torch.randn(2000, 3), directions=60)
    assert monge_distance(normal, signs, directions=60) > 10 * null


def test_noise_makes_it_worse() -> None:
    real, fake = torch.randn(500, 8), torch.randn(400, 8)
    noisy = monge_interval(real, fake + 0.7 * torch.randn(400, 8))
    assert noisy[1] > monge_interval(real, fake)[2]


def test_directions_are_uniform_unit_vectors_in_orthogonal_blocks() -> None:
    found = _directions(6, 15, seed=0)
    assert found.shape == (6, 15)
    for block in (found[:, :6], found[:, 6:12], found[:, 12:]):
        torch.testing.assert_close(block.T @ block, torch.eye(block.shape[1]).double())
    many = torch.cat([_directions(3, 3, seed) for seed in range(2000)], dim=1)
    torch.testing.assert_close(
        many @ many.T / many.shape[1], torch.eye(3).double() / 3, atol=1e-9, rtol=0
    )
    fourth = (many**4).mean(1)  # E u_i⁴ = 3 / (F (F + 2))
    torch.testing.assert_close(fourth, torch.full((3,), 0.2).double(), atol=0.02, rtol=0)


def test_orthogonal_directions_agree_with_independent_ones() -> None:
    real, fake = torch.randn(300, 4).double(), torch.randn(300, 4).double() * 2
    free = torch.nn.functional.normalize(torch.randn(4, 4000).double(), dim=0)
    gaps = (real @ free).sort(0).values - (fake @ free).sort(0).values
    expected = 12 * gaps.square().mean().item()
    assert monge_distance(real, fake) == pytest.approx(expected, rel=0.02)


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    real = torch.randn(600, 6)
    draws = [0.3 + 1.2 * torch.randn(300, 6) for _ in range(60)]
    scatter = np.std([monge_distance(real, fake, directions=60) for fake in draws])
    found = [monge_interval(real, fake, directions=60) for fake in draws[:8]]
    assert 0.75 < np.mean([(high - low) / 3.92 for _, low, high in found]) / scatter < 1.3
    assert all(low < value < high for value, low, high in found)


def test_a_resample_is_the_distance_of_the_drawn_rows() -> None:
    # One resample leaves nothing to centre but itself; so compare the spread of two instead.
    real, fake = torch.randn(30, 3), torch.randn(20, 3)
    value, low, high = monge_interval(real, fake, resamples=2, seed=5, directions=12)
    rng = np.random.default_rng(5)
    drawn = [
        monge_distance(real, fake[rng.integers(20, size=20)], directions=12, seed=5)
        for _ in range(2)
    ]
    assert high - low == pytest.approx(0.95 * abs(drawn[0] - drawn[1]), rel=1e-9)
    assert value == monge_distance(real, fake, directions=12, seed=5)


def test_repeats_itself_by_its_seed() -> None:
    real, fake = torch.randn(50, 3), torch.randn(40, 3)
    assert monge_interval(real, fake, seed=3) == monge_interval(real, fake, seed=3)
    assert monge_distance(real, fake, seed=3) != monge_distance(real, fake, seed=4)


def test_constant_features_are_at_their_distance() -> None:
    real, fake = torch.zeros(5, 4), torch.ones(3, 4)
    assert monge_interval(real, fake) == pytest.approx((12, 12, 12), rel=1e-9)


def test_refuses_what_it_cannot_score() -> None:
    rows = torch.randn(5, 2)
    with pytest.raises(UserError, match="1 generated features are too few"):
        monge_distance(rows, rows[:1])
    with pytest.raises(UserError, match="generated ones 3"):
        monge_interval(rows, torch.randn(5, 3))
    with pytest.raises(UserError, match="at least 1 direction"):
        monge_distance(rows, rows, directions=0)
    with pytest.raises(UserError, match="NaN or infinite"):
        monge_distance(rows, rows / 0)
