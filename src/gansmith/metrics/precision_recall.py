"""Improved precision and recall (Kynkäänniemi et al. 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.metrics.checks import feature_pair
from gansmith.metrics.neighbours import ROWS, ball_radii, centred_pair


@dataclass(frozen=True)
class Coverage:
    """Which samples lie within the other set's balls.

    Attributes:
        fake_in_real: bool M, per generated sample; its mean is the precision.
        real_in_fake: bool N, per real sample; its mean is the recall.
    """

    fake_in_real: Tensor
    real_in_fake: Tensor


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """``(precision, recall)``, both in [0, 1].

    Precision is the share of generated samples inside the real set's region, recall that of real
    samples inside the generated set's region, where a set's region is the union of balls around
    its members that reach to their k-th nearest neighbour within the set (their eqs. 1 and 2).
    Both depend on the counts and on k, so compare at equal ones only.

    Raises:
        UserError: for at most k samples, values that are not finite, or unequal dimensions.
    """
    found = coverage(real, fake, k)
    return found.fake_in_real.double().mean().item(), found.real_in_fake.double().mean().item()


def coverage(real: Tensor, fake: Tensor, k: int = 3) -> Coverage:
    """Sample by sample what `precision_recall` averages; NF and MF features.

    Distances are float64, so that duplicates are at distance 0 to about 1e-7, and computed 1000
    rows at a time.

    Raises:
        UserError: as `precision_recall`.
    """
    real, fake = centred_pair(*feature_pair(real, fake, least=k + 1))
    real_radius, fake_radius = ball_radii(real, k), ball_radii(fake, k)
    fake_in_real = torch.zeros(len(fake), dtype=torch.bool)
    real_in_fake = torch.zeros(len(real), dtype=torch.bool)
    for start in range(0, len(fake), ROWS):
        rows = slice(start, start + ROWS)
        distance = torch.cdist(fake[rows], real)
        fake_in_real[rows] = (distance <= real_radius).any(1)
        real_in_fake |= (distance <= fake_radius[rows, None]).any(0)
    return Coverage(fake_in_real, real_in_fake)
