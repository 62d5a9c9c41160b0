import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

from gansmith.errors import UserError
from gansmith.metrics.clusters import assign, kmeans


def blobs(count: int, spread: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    centres = 5 * torch.eye(6, 4).double() - 3 * torch.eye(6, 4).flip(0).double()
    kind = torch.arange(count) % 6
    return centres[kind] + spread * torch.randn(count, 4, dtype=torch.float64), kind


def inertia(rows: torch.Tensor, centres: torch.Tensor) -> float:
    return (rows - centres[assign(rows, centres)]).square().sum().item()


def test_separate_blobs_are_found_whatever_the_seed() -> None:
    rows, kind = blobs(300, spread=0.01)
    for seed in range(5):
        found = assign(rows, kmeans(rows, 6, seed))
        assert len({(int(a), int(b)) for a, b in zip(found, kind, strict=True)}) == 6


def test_is_no_worse_than_scipys() -> None:
    rows = torch.randn(600, 3, dtype=torch.float64)
    ours = min(inertia(rows, kmeans(rows, 20, seed)) for seed in range(3))
    runs = [kmeans2(rows.numpy(), 20, 30, minit="++", rng=seed)[0] for seed in range(3)]
    theirs = min(inertia(rows, torch.from_numpy(run)) for run in runs)
    assert ours == pytest.approx(theirs, rel=0.04)


def test_centres_are_the_means_of_their_cells() -> None:
    rows, _ = blobs(120)
    centres = kmeans(rows, 6)
    labels = assign(rows, centres)
    for cell in range(6):
        torch.testing.assert_close(centres[cell], rows[labels == cell].mean(0))


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 50))
def test_there_are_as_many_cells_as_asked_for_or_as_distinct_rows(
    count: int, wanted: int, seed: int
) -> None:
    rows = torch.from_numpy(np.random.default_rng(seed).integers(0, 3, (count, 2))).double()
    centres = kmeans(rows, wanted, seed)
    assert len(centres) == min(wanted, len(rows.unique(dim=0)))
    assert torch.equal(centres, kmeans(rows, wanted, seed))


def test_far_from_the_origin_rows_still_go_to_their_centre() -> None:
    rows, kind = blobs(60, spread=1e-4)
    centres = torch.stack([rows[kind == k].mean(0) for k in range(6)])
    assert torch.equal(assign(1e7 + rows, 1e7 + centres), kind)


def test_refuses_what_cannot_be_clustered() -> None:
    with pytest.raises(UserError, match="0 clusters"):
        kmeans(torch.randn(5, 2), 0)
    with pytest.raises(UserError, match="NaN"):
        kmeans(torch.full((5, 2), torch.nan), 2)
    with pytest.raises(UserError, match="too few"):
        kmeans(torch.randn(0, 2), 2)
