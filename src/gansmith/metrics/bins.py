"""The number of statistically different bins (Richardson and Weiss 2018)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import feature_pair
from gansmith.metrics.clusters import assign, kmeans
from gansmith.metrics.intervals import Z95, centred

BINS = 100
PER_BIN = 100
"""Real samples a bin should hold on average: fewer bins are made where there are fewer."""
LEAST = 2 * PER_BIN


@dataclass(frozen=True)
class Bins:
    """What `different_bins` found.

    Attributes:
        share: NDB/K, the share of bins whose proportions differ at the 5 % level.
        low, high: its 95 % interval over draws of the generated set.
        bins: the number of bins K.
        js: Jensen-Shannon divergence in nats between the two histograms, 0 to log 2.
        real_K, fake_K: the samples of either set per bin.
    """

    share: float
    low: float
    high: float
    bins: int
    js: float
    real_K: np.ndarray
    fake_K: np.ndarray


def different_bins(
    real_NF: Tensor, fake_MF: Tensor, bins: int | None = None, seed: int = 0, resamples: int = 200
) -> Bins:
    """NDB/K and the divergence of the bins' shares (Richardson and Weiss 2018).

    The real features are cut into K cells by k-means; each sample of either set counts for its
    nearest centre. In each bin the two shares p = a/N and q = b/M are compared by the
    two-proportion test z = (p - q) / sqrt(r (1 - r) (1/N + 1/M)), r = (a + b) / (N + M); the
    bin differs if |z| > 1.96. Equal distributions differ in about 0.05 of the bins by chance, in
    steps of 1/K; fitting the cells to one of the samples does not lift that as long as bins hold
    100 of them. The power grows with the counts, so compare at equal N, M and K only.

    Args:
        real_NF: features of real images, at least 200.
        fake_MF: features of generated images; M need not be N.
        bins: K; by default 100, or N // 100 if that is less.
        seed: of k-means and of the resampling.
        resamples: multinomial redraws of the generated histogram for the interval.

    Raises:
        UserError: for too few samples, values that are not finite, unequal dimensions, or real
            features that are all alike.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    if bins is None and len(real) < LEAST:
        raise UserError(
            f"metrics: {len(real)} real features are too few for bins; this score needs {LEAST}"
        )
    centres = kmeans(real, min(BINS, len(real) // PER_BIN) if bins is None else bins, seed)
    if len(centres) < 2:
        raise UserError("metrics: all real features lie in one bin; are the images all alike?")
    ours, theirs = (
        torch.bincount(assign(rows, centres), minlength=len(centres)).numpy()
        for rows in (real, fake)
    )
    share = _share(ours, theirs)
    draws = np.random.default_rng(seed).multinomial(len(fake), theirs / len(fake), size=resamples)
    low, high = centred(share, [_share(ours, draw) for draw in draws])
    return Bins(share, low, min(1.0, high), len(centres), js_divergence(ours, theirs), ours, theirs)


def js_divergence(one_K: np.ndarray, other_K: np.ndarray) -> float:
    """(KL(p|m) + KL(q|m)) / 2 with m = (p + q) / 2, in nats, of two histograms' shares."""
    p, q = one_K / one_K.sum(), other_K / other_K.sum()
    middle = (p + q) / 2
    parts = [(a[a > 0] * np.log(a[a > 0] / middle[a > 0])).sum() for a in (p, q)]
    return max(0.0, float(sum(parts)) / 2)


def _share(real: np.ndarray, fake: np.ndarray) -> float:
    n, m = real.sum(), fake.sum()
    pooled = (real + fake) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    # A bin that neither set hits has no error and no difference.
    return float((np.abs(real / n - fake / m) > Z95 * error).mean())
