import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.metrics import neighbours
from gansmith.metrics.neighbours import ball_radii, centred_pair


@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 100))
def test_radii_are_the_sorted_distances_to_the_others(n: int, k: int, seed: int) -> None:
    k = min(k, n - 1)
    rows = torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    gaps = np.linalg.norm(rows.numpy()[:, None] - rows.numpy()[None], axis=2)
    np.testing.assert_allclose(ball_radii(rows, k), np.sort(gaps, 1)[:, k], atol=1e-7)


def test_pieces_do_not_change_the_radii(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(50, 4, dtype=torch.float64)
    whole = ball_radii(rows, 3)
    monkeypatch.setattr(neighbours, "ROWS", 7)
    torch.testing.assert_close(ball_radii(rows, 3), whole)


def test_centring_keeps_distances() -> None:
    real, fake = torch.randn(9, 2).double() + 7, torch.randn(5, 2).double()
    moved = centred_pair(real, fake)
    torch.testing.assert_close(torch.cdist(*moved), torch.cdist(real, fake))
    torch.testing.assert_close(moved[0].mean(0), torch.zeros(2).double())
