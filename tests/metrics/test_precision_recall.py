import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.precision_recall import coverage, precision_recall


def test_on_a_line_by_hand() -> None:
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])  # radii for k=1: 1, 1, 1, 8
    fake = torch.tensor([[-0.5], [-1.5], [3.5]])  # radii for k=1: 1, 1, 4
    found = coverage(real, fake, k=1)
    assert found.fake_in_real.tolist() == [True, False, True]  # 3.5 is within 8 of 10
    assert found.real_in_fake.tolist() == [True, True, True, False]


def test_itself_and_far_away() -> None:
    rows = torch.randn(50, 3)
    assert precision_recall(rows, rows) == (1.0, 1.0)
    assert precision_recall(rows, rows + 1000) == (0.0, 0.0)


@given(st.integers(4, 40), st.integers(4, 40), st.integers(1, 3), st.integers(0, 100))
def test_swapping_the_sets_swaps_the_two(n: int, m: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(n, 2, generator=generator), torch.randn(m, 2, generator=generator)
    there, back = precision_recall(real, fake, k), precision_recall(fake, real, k)
    assert there == pytest.approx(back[::-1], abs=1e-12)


@pytest.mark.parametrize("k", [3, 5])
def test_agrees_with_torch_fidelity_over_several_pieces(k: int) -> None:
    real, fake = torch.randn(2300, 6), torch.randn(1250, 6) * 0.8 + 0.3
    found = fidelity("metric_prc").calculate_precision_recall_part(fake, real, k, batch_size=700)
    # torch-fidelity measures in float32, so a sample on a ball's rim may fall on either side.
    assert precision_recall(real, fake, k) == pytest.approx(found, abs=2e-3)


def test_a_collapsed_generator_is_precise_and_recalls_little() -> None:
    real = torch.randn(800, 8)
    fake = real[torch.randint(0, 20, (800,))] + 0.01 * torch.randn(800, 8)
    precision, recall = precision_recall(real, fake)
    assert precision > 0.99
    assert recall < 0.05


def test_noise_costs_precision() -> None:
    real, fake = torch.randn(800, 8), torch.randn(800, 8)
    noisy = fake + 1.5 * torch.randn(800, 8)
    assert precision_recall(real, noisy)[0] < precision_recall(real, fake)[0] - 0.3


def test_duplicates_lie_at_distance_zero() -> None:
    rows = 100 + torch.randn(5, 16).repeat(6, 1)  # far from the origin, where rounding is worst
    assert precision_recall(rows, rows.flip(0)) == (1.0, 1.0)


def test_needs_more_samples_than_neighbours() -> None:
    with pytest.raises(UserError, match="at least 4"):
        precision_recall(torch.randn(3, 2), torch.randn(9, 2))
