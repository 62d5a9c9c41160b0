import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.metrics.vendi import vendi_interval, vendi_score


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 4))
def test_orthogonal_classes_of_one_size_score_their_number(k: int, each: int, spare: int) -> None:
    frame = torch.linalg.qr(torch.randn(k + spare, k).double()).Q.T
    rows = frame.repeat_interleave(each, 0) * torch.rand(k * each, 1).add(0.1)
    assert vendi_score(rows) == pytest.approx(k, rel=1e-9)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_equal_rows_score_one(size: float) -> None:
    rows = size * torch.randn(1, 5).repeat(20, 1)
    assert vendi_score(rows) == pytest.approx(1, abs=1e-9)
    assert vendi_score(rows[:1]) == pytest.approx(1, abs=1e-9)


def test_unequal_orthogonal_classes_score_the_exponential_of_their_entropy() -> None:
    rows = torch.eye(3)[[0] * 50 + [1] * 30 + [2] * 20]
    share = np.array([0.5, 0.3, 0.2])
    assert vendi_score(rows) == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-12)


def test_two_samples_at_an_angle() -> None:
    # K / 2 has the eigenvalues (1 ± cos) / 2.
    rows = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    expected = np.exp(-0.8 * np.log(0.8) - 0.2 * np.log(0.2))
    assert vendi_score(rows) == pytest.approx(expected, rel=1e-7)


@given(st.integers(1, 25), st.integers(1, 25), st.integers(0, 100))
def test_is_the_definition_by_the_kernel_matrix(n: int, f: int, seed: int) -> None:
    rows = torch.randn(n, f, generator=torch.Generator().manual_seed(seed)).double() + 0.3
    unit = rows.numpy() / np.linalg.norm(rows.numpy(), axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / n)
    values = values[values > 1e-13]
    assert vendi_score(rows) == pytest.approx(np.exp(-(values * np.log(values)).sum()), rel=1e-7)


def test_collapse_costs_score_and_noise_gains_it() -> None:
    rows = torch.randn(300, 10) * torch.linspace(0.2, 2, 10)
    assert vendi_score(rows[:4].repeat(75, 1)) < vendi_score(rows) - 1
    assert vendi_score(rows + torch.randn(300, 10)) > vendi_score(rows) + 0.5


@pytest.mark.parametrize(("n", "f"), [(400, 8), (60, 100)])
def test_interval_is_as_wide_as_the_scatter_of_fresh_draws(n: int, f: int) -> None:
    size = torch.linspace(0.1, 2, f)
    draws = [0.5 + size * torch.randn(n, f) for _ in range(80)]
    scatter = np.std([vendi_score(draw) for draw in draws])
    found = [vendi_interval(draw) for draw in draws[:20]]
    assert 0.75 < np.mean([(high - low) / 3.92 for _, low, high in found]) / scatter < 1.3
    assert all(low < value < high for value, low, high in found)


def test_interval_keeps_the_value_and_the_range() -> None:
    rows = torch.randn(50, 4)
    value, low, high = vendi_interval(rows, seed=2)
    assert value == vendi_score(rows)
    assert (value, low, high) == vendi_interval(rows, seed=2)
    assert 1 <= low < value < high <= 4
    assert vendi_interval(rows[:2])[0] == vendi_score(rows[:2])
    assert vendi_interval(rows[:1].repeat(9, 1)) == pytest.approx((1, 1, 1), abs=1e-9)


def test_refuses_what_has_no_direction() -> None:
    rows = torch.randn(6, 3)
    rows[2] = 0
    with pytest.raises(UserError, match="1 of 6 features are 0 in every dimension"):
        vendi_score(rows)
    with pytest.raises(UserError, match="0 features are too few"):
        vendi_score(rows[:0])
    with pytest.raises(UserError, match="1 features are too few"):
        vendi_interval(rows[:1])
    with pytest.raises(UserError, match="NaN or infinite"):
        vendi_score(rows / 0)
