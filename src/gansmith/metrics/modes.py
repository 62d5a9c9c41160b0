"""Scores of samples against a mixture of Gaussians with known centres."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows

SAMPLES = 2500
"""The number of points in the PacGAN protocol."""


@dataclass(frozen=True)
class Modes:
    """What `modes_2d` found.

    Attributes:
        found: centres with at least one high-quality point.
        high_quality: share of points within 3 sigma of their nearest centre, in [0, 1].
        kl: KL divergence in nats of the points' distribution over centres from the uniform one.
    """

    found: int
    high_quality: float
    kl: float


def modes_2d(points_N2: Tensor, centres_K2: Tensor, sigma: float) -> Modes:
    """Modes found, high-quality share and KL (protocol of Lin et al. 2018, PacGAN, section 4.1).

    A point is of high quality within 3 sigma of its nearest centre; points of the mixture itself
    reach 98.9 % in two dimensions, 1 - exp(-9/2). A centre is found if it has a point of high
    quality. For the KL divergence every point counts for its nearest centre. The published
    numbers use 2,500 points.

    Raises:
        UserError: if there is no point or centre, one is not finite, dimensions differ, or sigma
            is not positive.
    """
    near, counts = _assign(points_N2, centres_K2, sigma)
    return Modes(int((near > 0).sum()), float(near.sum() / counts.sum()), uniform_kl(counts))


def nearest_counts(points_N2: Tensor, centres_K2: Tensor) -> np.ndarray:
    """How many points have each centre as their nearest: int64 K."""
    return _assign(points_N2, centres_K2, 1.0)[1]


def uniform_kl(counts_K: np.ndarray) -> float:
    """KL(p | uniform) = sum p log(K p) in nats, for shares p of the counts; 0 to log K."""
    share = counts_K[counts_K > 0] / counts_K.sum()
    return max(0.0, float((share * np.log(len(counts_K) * share)).sum()))


def _assign(points: Tensor, centres: Tensor, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Per centre: points within 3 sigma, and all points nearest to it."""
    points = finite_rows(points, "points", least=1)
    centres = finite_rows(centres, "centres", least=1)
    if points.shape[1] != centres.shape[1]:
        raise UserError(
            f"metrics: points have {points.shape[1]} coordinates, centres {centres.shape[1]}"
        )
    if not sigma > 0:
        raise UserError(f"metrics: the modes' sigma is {sigma}; it must be positive")
    # Plain differences: the shortcut over products is off by 1e-8 |x|, and N x K is small.
    exact = "donot_use_mm_for_euclid_dist"
    distance, index = torch.cdist(points, centres, compute_mode=exact).min(1)
    close = index[distance <= 3 * sigma]
    return (
        torch.bincount(close, minlength=len(centres)).numpy(),
        torch.bincount(index, minlength=len(centres)).numpy(),
    )
