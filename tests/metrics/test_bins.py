import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import different_bins, load_features
from gansmith.metrics.bins import js_divergence


def line(*counts: int) -> torch.Tensor:
    """So many samples near 0, 100, 200 and so on: the bins are known."""
    parts = [100.0 * k + torch.rand(count, 1) for k, count in enumerate(counts)]
    return torch.cat(parts)


def test_two_proportions_by_hand() -> None:
    # 1st bin: 0.25 against 0.31, r = 0.28, z = 0.06 / sqrt(0.2016 * 2 / 400) = 1.89: no.
    # 2nd bin: 0.25 against 0.1825, z = -2.32: yes. 3rd: 0.25 against 0.2575: no; so the 4th.
    found = different_bins(line(100, 100, 100, 100), line(124, 73, 103, 100), bins=4)
    assert (found.share, found.bins) == (0.25, 4)
    assert sorted(found.real_K) == [100] * 4
    assert sorted(found.fake_K) == [73, 100, 103, 124]
    # With twice the samples 0.31 is z = 2.68 away, and differs too.
    assert different_bins(line(200, 200, 200, 200), line(248, 146, 206, 200), 4).share == 0.5


def test_unequal_counts_are_compared_as_shares() -> None:
    found = different_bins(line(300, 100), line(75, 25), bins=2)
    assert found.share == 0.0
    assert found.js == pytest.approx(0, abs=1e-12)
    # 0.75 against 0.65: r = 292/400... z = 0.1 / sqrt(0.73 * 0.27 * (1/400 + 1/100)) = 2.01.
    assert different_bins(line(300, 100), line(65, 35), bins=2).share == 1.0
    assert different_bins(line(300, 100), line(67, 33), bins=2).share == 0.0


def test_equal_distributions_differ_in_about_five_percent() -> None:
    shares = [
        different_bins(torch.randn(1000, 6), torch.randn(1500, 6), seed=seed).share
        for seed in range(20)
    ]
    assert 0.02 < np.mean(shares) < 0.08


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_js_is_scipys_and_symmetric(counts: list[tuple[int, int]]) -> None:
    one, other = np.array(counts).T + np.eye(1, len(counts), dtype=int)[0]
    assert js_divergence(one, other) == pytest.approx(jensenshannon(one, other) ** 2, abs=1e-9)
    assert js_divergence(one, other) == pytest.approx(js_divergence(other, one), abs=1e-12)
    assert 0 <= js_divergence(one, other) <= math.log(2) + 1e-12


def test_digits_that_lack_classes_differ_in_most_bins() -> None:
    features = load_features("digits-cnn")
    digits = open_data("digits", split="test", labels=True)
    (real, _), (fake, labels) = (digits.batch(np.arange(start, 2400, 2)) for start in (0, 1))
    real, fake = features(real), features(fake)
    whole = different_bins(real, fake)
    assert whole.bins == 12
    assert whole.share < 0.25
    seven, three = (different_bins(real, fake[labels < kept]) for kept in (7, 3))
    assert whole.high < seven.low <= seven.share < three.share
    assert whole.js < 0.02 < seven.js < three.js
    fours = different_bins(real, torch.cat([fake, fake[labels == 4].repeat(3, 1)]))
    assert fours.share > whole.share
    assert fours.js > whole.js


def test_interval_covers_other_draws() -> None:
    real = torch.randn(1000, 3)
    found = different_bins(real, 0.4 + torch.randn(1000, 3))
    assert 0 <= found.low < found.share < found.high <= 1
    others = [different_bins(real, 0.4 + torch.randn(1000, 3)).share for _ in range(20)]
    assert np.mean([found.low <= other <= found.high for other in others]) > 0.7


def test_repeats_with_its_seed() -> None:
    real, fake = torch.randn(400, 3), torch.randn(300, 3)
    one, other = (different_bins(real, fake, seed=3) for _ in range(2))
    assert (one.share, one.low, one.high, one.js) == (other.share, other.low, other.high, other.js)


def test_refuses_what_has_no_bins() -> None:
    with pytest.raises(UserError, match="199 real features are too few"):
        different_bins(torch.randn(199, 3), torch.randn(500, 3))
    with pytest.raises(UserError, match="alike"):
        different_bins(torch.ones(300, 3), torch.randn(500, 3))
    with pytest.raises(UserError, match="dimensions"):
        different_bins(torch.randn(300, 3), torch.randn(500, 2))
