"""Scores that torch-fidelity computes for us, held to independent numpy and scipy; and FD, KID
and IS held to torch-fidelity itself, all on the same random features."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.special import softmax
from scipy.stats import entropy

from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.frechet import Statistics, distance, frechet_distance
from gansmith.metrics.inception_score import inception_score
from gansmith.metrics.kernel import kernel_distance, subset_size

REAL = torch.randn(700, 24, generator=torch.Generator().manual_seed(1)) ** 3
FAKE = torch.rand(500, 24, generator=torch.Generator().manual_seed(2)) * 3


def gaussian(mean: np.ndarray, sigma: np.ndarray) -> Statistics:
    return {"mu": mean, "sigma": sigma}


def test_frechet_distance_against_torch_fidelity_and_scipy() -> None:
    metric = fidelity("metric_fid")
    one, two = (metric.fid_features_to_statistics(rows.double()) for rows in (REAL, FAKE))
    theirs = metric.fid_statistics_to_metric(one, two, verbose=False)[metric.KEY_METRIC_FID]
    x, y = REAL.double().numpy(), FAKE.double().numpy()
    s, t = np.cov(x.T), np.cov(y.T)
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    by_hand = apart + np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    assert frechet_distance(REAL, FAKE) == pytest.approx(theirs, rel=1e-5)
    assert frechet_distance(REAL, FAKE) == pytest.approx(by_hand, rel=1e-7)


@pytest.mark.parametrize("f", [1, 3, 40])
def test_frechet_distance_of_gaussians_that_commute(f: int) -> None:
    # S = Q A² Q', S' = Q B² Q': the distance is |m - m'|² + |a - b|².
    rng = np.random.default_rng(f)
    turn = np.linalg.qr(rng.normal(size=(f, f)))[0]
    a, b = rng.uniform(0.1, 3, f), rng.uniform(0.1, 3, f)
    one, two = rng.normal(size=f), rng.normal(size=f)
    found = distance(gaussian(one, turn * a**2 @ turn.T), gaussian(two, turn * b**2 @ turn.T))
    assert found == pytest.approx(((one - two) ** 2).sum() + ((a - b) ** 2).sum(), abs=1e-6)


def test_frechet_distance_of_gaussians_that_do_not_commute() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12, 15))
    s, t = a @ a.T / 15, b @ b.T / 15
    root = np.real(sqrtm(s))
    expected = np.trace(s + t) - 2 * np.trace(np.real(sqrtm(root @ t @ root)))
    found = distance(gaussian(np.zeros(12), s), gaussian(np.zeros(12), t))
    assert found == pytest.approx(expected, abs=1e-6)


def test_kernel_distance_against_torch_fidelity_and_numpy() -> None:
    size, seed, subsets = subset_size(700, 500), 4, 5
    metric = fidelity("metric_kid")
    found = metric.kid_features_to_metric(
        REAL.double(),
        FAKE.double(),
        kid_subsets=subsets,
        kid_subset_size=size,
        rng_seed=seed,
        verbose=False,
    )
    theirs = found[metric.KEY_METRIC_KID_MEAN], found[metric.KEY_METRIC_KID_STD]
    rng = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x = REAL.double().numpy()[rng.choice(700, size, replace=False)]
        y = FAKE.double().numpy()[rng.choice(500, size, replace=False)]
        xx, yy, xy = ((p @ q.T / 24 + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
        others = ~np.eye(size, dtype=bool)
        values.append(xx[others].mean() + yy[others].mean() - 2 * xy.mean())
    ours = kernel_distance(REAL, FAKE, seed, subsets)
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ours == pytest.approx((np.mean(values), np.std(values)), rel=1e-9)


@pytest.mark.parametrize("splits", [1, 3, 10])
def test_inception_score_against_torch_fidelity_and_scipy(splits: int) -> None:
    logits = REAL[:, :10]
    metric = fidelity("metric_isc")
    found = metric.isc_features_to_metric(logits, splits=splits, shuffle=True, rng_seed=6)
    theirs = found[metric.KEY_METRIC_ISC_MEAN], found[metric.KEY_METRIC_ISC_STD]
    order = np.random.RandomState(6).permutation(700)
    p = softmax(logits.double().numpy()[order], axis=1)
    edges = [split * 700 // splits for split in range(splits + 1)]
    parts = [p[low:high] for low, high in pairwise(edges)]
    values = [np.exp(entropy(part, part.mean(0)[None], axis=1).mean()) for part in parts]
    ours = inception_score(logits, splits, seed=6)
    assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-12)
    assert ours == pytest.approx((np.mean(values), np.std(values)), rel=1e-9, abs=1e-12)
