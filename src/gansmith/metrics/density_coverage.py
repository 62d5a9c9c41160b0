"""Density and coverage (Naeem et al. 2020): how full, and how many, the real samples' balls are."""

import math

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows, same_width
from gansmith.metrics.intervals import Z95, wilson
from gansmith.metrics.neighbours import ROWS, ball_radii, centred_pair

Estimate = tuple[float, float, float]
"""A value and the low and high end of its 95 % interval."""


def density_coverage(real_NF: Tensor, fake_MF: Tensor, k: int = 5) -> tuple[float, float]:
    """``(density, coverage)``; density is at least 0 and may exceed 1, coverage is in [0, 1].

    Around each real sample lies a ball that reaches to its k-th nearest real neighbour. Density
    is the number of balls that hold a generated sample, over k, averaged over the generated
    ones: sum_ij 1[y_j in ball_i] / (k M). Coverage is the share of balls that hold at least one:
    sum_i max_j 1[y_j in ball_i] / N (their section 3.2). Only the real set needs neighbours: one
    generated outlier cannot make a region of its own, as it can for recall.

    For equal distributions, of any kind, a ball holds a fresh sample with probability k / N, so
    density is 1 in expectation, and coverage 1 - prod_{i=1..k} (N - i) / (N + M - i), about
    1 - 2^-k = 0.969 at equal counts and k = 5. Coverage depends on both counts and on k, so
    compare at equal ones only.

    Raises:
        UserError: for at most k real samples, no generated one, values that are not finite, or
            unequal dimensions.
    """
    per_fake, covered = _counts(real_NF, fake_MF, k)
    return per_fake.mean().item() / k, covered.double().mean().item()


def density_coverage_interval(
    real_NF: Tensor, fake_MF: Tensor, k: int = 5
) -> tuple[Estimate, Estimate]:
    """`density_coverage` with 95 % intervals: ``((density, low, high), (coverage, low, high))``.

    Given the real balls, density is a mean over independent generated samples, so its interval
    is the normal one, cut at 0. A coverage is a share of the real balls: Wilson's interval, as
    for recall, with the generated set held fixed. Both leave out the draw of the other set, which
    matters most for density in high dimensions, where few samples near the centre are in most
    balls.

    Raises:
        UserError: as `density_coverage`, and for one generated sample, which has no spread.
    """
    per_fake, covered = _counts(real_NF, fake_MF, k, least=2)
    density = per_fake.mean().item() / k
    half = Z95 * per_fake.std().item() / k / math.sqrt(len(per_fake))
    hit, balls = int(covered.sum()), len(covered)
    return (density, max(0.0, density - half), density + half), (hit / balls, *wilson(hit, balls))


def _counts(real: Tensor, fake: Tensor, k: int, least: int = 1) -> tuple[Tensor, Tensor]:
    """Per generated sample the balls that hold it (float64 M); per ball whether it holds any."""
    if k < 1:
        raise UserError(f"metrics: density and coverage need k of at least 1, not {k}")
    real = finite_rows(real, "real features", least=k + 1)
    fake = finite_rows(fake, "generated features", least)
    same_width(real, fake)
    real, fake = centred_pair(real, fake)
    radius = ball_radii(real, k)
    per_fake = torch.zeros(len(fake), dtype=torch.float64)
    covered = torch.zeros(len(real), dtype=torch.bool)
    for start in range(0, len(fake), ROWS):
        rows = slice(start, start + ROWS)
        inside = torch.cdist(fake[rows], real) <= radius
        per_fake[rows] = inside.sum(1).double()
        covered |= inside.any(0)
    return per_fake, covered
