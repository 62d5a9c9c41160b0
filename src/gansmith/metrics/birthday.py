"""The birthday-paradox test of a generator's support size (Arora and Zhang 2017)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import feature_pair
from gansmith.metrics.intervals import Z95
from gansmith.metrics.memorisation import nearest

ORDERS = 400
_ORDERS_ERROR = 0.07  # of s², relative: the median of 400 draws of a Rayleigh law, doubled
_PAIRS = 100_000  # collisions kept; where there are more, fewer samples show as much
_ROWS = 1000
_NEAR = 0.01  # the quantile of real nearest-neighbour distances that is looked at ...
_PART = 0.5  # ... and the part of it within which two samples are the same
_LEAST_REAL = 100


@dataclass(frozen=True)
class Birthday:
    """What `birthday_test` found.

    Attributes:
        support: the estimated support size, ``batch``², or its lower bound.
        low, high: a 95 % interval; ``high`` is None where no two samples coincide.
        batch: the number of samples among which two coincide half of the time.
        collisions: pairs of the generated samples that coincide.
        threshold: the feature distance below which two samples count as the same.
    """

    support: float
    low: float
    high: float | None
    batch: float
    collisions: int
    threshold: float


def duplicate_distance(real_NF: Tensor) -> float:
    """The feature distance below which two samples count as one, calibrated on real data.

    Half of the 1st percentile of the real samples' distances to their nearest neighbours: much
    nearer than two different real images come to each other, and well above what a few grey
    levels of noise do. Neighbours at less than 1/1000 of the median distance are copies within
    the real set and are left out.

    Raises:
        UserError: for fewer than 100 samples, values that are not finite, or a set of which more
            than half are copies of each other.
    """
    near = nearest(real_NF, real_NF, k=2)[1][:, 1]  # column 0 is the sample itself
    if len(near) < _LEAST_REAL:
        raise UserError(
            f"metrics: {len(near)} real features are too few; "
            f"what a duplicate is takes at least {_LEAST_REAL}"
        )
    middle = float(near.median())
    if not middle > 0:
        raise UserError("metrics: more than half of the real samples are copies of each other")
    return _PART * float(near[near > 1e-3 * middle].quantile(_NEAR))


def birthday_test(real_NF: Tensor, fake_MF: Tensor, seed: int = 0) -> Birthday:
    """Support size from coincidences among samples (Arora and Zhang 2017).

    If among s samples two coincide with probability 1/2, the support holds about s² different
    ones; for S equally likely ones it is s² = 2 log(2) S = 1.39 S, so read it as an order of
    magnitude. The samples are laid out in 400 random orders, and s is the median position at
    which the first coincidence is complete. The paper's authors looked for duplicates with their
    own eyes; here `duplicate_distance` decides.

    The interval is that of the collision rate, a mean over pairs, whose relative variance is
    4 var(c) / (M mean(c)²) for c collisions per sample (Hoeffding 1948), to which the 400 orders
    add 0.07²; it is taken on the log scale. Without a collision among M samples, ``support`` is
    the lower bound S at 95 %, where exp(-M² / 2S) = 0.05, in terms of s²: M² log 2 / log 20.

    Args:
        real_NF: at least 100 real features, which set the threshold only.
        fake_MF: generated features; the largest support that can be seen is about M².
        seed: of the orders.

    Raises:
        UserError: for too few samples, values that are not finite, or unequal dimensions.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    threshold = duplicate_distance(real)
    rng = np.random.default_rng(seed)
    rows = fake[torch.from_numpy(rng.permutation(len(fake)))]
    pairs = _collisions(rows, threshold)
    while pairs is None:
        rows = rows[: len(rows) // 2]
        pairs = _collisions(rows, threshold)
    n, count = len(rows), len(pairs)
    if not count:
        batch = n * math.sqrt(math.log(2) / math.log(20))
        return Birthday(batch**2, batch**2, None, batch, 0, threshold)
    firsts = [int(rng.permutation(n)[pairs].max(1).min()) + 1 for _ in range(ORDERS)]
    batch = _median(np.array(firsts))
    per_sample = np.bincount(pairs.ravel(), minlength=n)
    relative = 2 * per_sample.std() / per_sample.mean() / math.sqrt(n)
    factor = math.exp(Z95 * math.hypot(relative, _ORDERS_ERROR))
    return Birthday(batch**2, batch**2 / factor, batch**2 * factor, batch, count, threshold)


def _median(firsts: np.ndarray) -> float:
    """Where the share of orders with a collision crosses 1/2, between whole numbers."""
    after = int(np.quantile(firsts, 0.5, method="inverted_cdf"))
    before, at = (firsts < after).mean(), (firsts <= after).mean()
    return float(after - 1 + (0.5 - before) / (at - before))


def _collisions(rows: Tensor, threshold: float) -> np.ndarray | None:
    """The pairs i < j of rows nearer than the threshold, int64 P2, or None if they are too many."""
    rows = rows - rows.mean(0)
    found, count = [], 0
    for start in range(0, len(rows), _ROWS):
        close = torch.cdist(rows[start : start + _ROWS], rows[start:]) < threshold
        pairs = close.triu(1).nonzero() + start
        found.append(pairs)
        count += len(pairs)
        if count > _PAIRS:
            return None
    return torch.cat(found).numpy()
