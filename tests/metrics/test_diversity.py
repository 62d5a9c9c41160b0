import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import diversity_ratio, ms_ssim_distance
from gansmith.metrics.diversity import pair_distances


def euclidean(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() - b.double()).flatten(1).norm(dim=1)


def test_the_ratio_of_widths_is_the_ratio_of_distances() -> None:
    found = diversity_ratio(torch.randn(3000, 5), 0.7 * torch.randn(2000, 5), euclidean)
    assert found.low < 0.7 < found.high
    assert found.high - found.low < 0.1
    assert found.ratio == pytest.approx(found.fake / found.real)
    assert found.fake_low < found.fake < found.fake_high


def test_pairs_are_disjoint_seeded_and_as_many_as_there_are() -> None:
    seen: list[float] = []

    def note(a: Tensor, b: Tensor) -> Tensor:
        seen.extend([*a[:, 0].tolist(), *b[:, 0].tolist()])
        return euclidean(a, b)

    rows = torch.arange(501.0)[:, None]
    distances = pair_distances(rows, note)
    assert len(distances) == 250
    assert len(set(seen)) == len(seen) == 500
    assert np.array_equal(distances, pair_distances(rows, euclidean))
    assert not np.array_equal(distances, pair_distances(rows, euclidean, seed=1))
    assert len(pair_distances(rows, euclidean, pairs=30)) == 30


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    draws = [
        diversity_ratio(torch.randn(200, 3), 0.5 * torch.randn(150, 3), euclidean)
        for _ in range(60)
    ]
    scatter = np.std([draw.ratio for draw in draws])
    widths = [(draw.high - draw.low) / 3.92 for draw in draws]
    assert 0.8 < np.mean(widths) / scatter < 1.25


def test_digits_of_few_classes_or_few_images_are_less_varied() -> None:
    digits = open_data("digits", split="test", labels=True)
    real, _ = digits.batch(np.arange(0, 2000, 2))
    other, labels = digits.batch(np.arange(1, 2000, 2))
    for distance in (euclidean, ms_ssim_distance):
        whole = diversity_ratio(real, other, distance)
        assert whole.low < 1.03
        assert whole.high > 0.97
        ones = diversity_ratio(real, other[labels == 1], distance)
        assert ones.high < whole.low
        few = diversity_ratio(real, other[torch.randint(0, 4, (600,))], distance)
        assert few.high < whole.low
        assert diversity_ratio(real, other[:1].expand(50, -1, -1, -1), distance).ratio < 1e-6


def test_refuses_what_has_no_diversity() -> None:
    rows = torch.randn(20, 3)
    with pytest.raises(UserError, match="at least 4"):
        diversity_ratio(rows, rows[:3], euclidean)
    with pytest.raises(UserError, match="all alike"):
        diversity_ratio(torch.ones(20, 3), rows, euclidean)
    with pytest.raises(UserError, match="NaN"):
        diversity_ratio(rows, rows * torch.nan, euclidean)
    with pytest.raises(UserError, match=r"shape \(10, 3\) for 10 pairs"):
        diversity_ratio(rows, rows, lambda a, b: a - b)
