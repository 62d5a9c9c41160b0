"""FD-infinity: the Fréchet distance that infinitely many generated samples would have."""

import numpy as np
import torch
from torch import Tensor

from gansmith.metrics.checks import finite_rows, same_width
from gansmith.metrics.frechet import Reference
from gansmith.metrics.intervals import Z95

POINTS = 15
"""Counts on the line: all samples, halves, thirds, ... fifteenths."""

LEAST = 20
"""Samples needed, so that a half has ten."""


def frechet_infinity(
    real_NF: Tensor, fake_MF: Tensor, resamples: int = 30, seed: int = 0
) -> tuple[float, float, float]:
    """The intercept of the Fréchet distance in 1/M, with a 95 % interval: ``(value, low, high)``.

    A Fréchet distance is biased upwards by about b / M at M generated samples, and b depends on
    the generator, so equal counts do not make two generators comparable. The bias is removed by
    a straight line through the distances at 15 counts evenly spaced in 1/M (Chong and Forsyth
    2020). The counts here are M, M/2, M/3, ..., M/15: the shuffled set is cut into p equal parts,
    and the distance at M/p is the mean over all of them, so every point of the line uses all
    samples. There are fewer points where parts would get fewer than 4 F samples, but always two,
    because the bias bends away from 1/M when a covariance is nearly singular: with M under 8 F
    the line is bent already, and the value is a rough one (`straight` says so).

    Like KID it is nearly unbiased in M, and may be slightly negative. It is not unbiased in N:
    the real set stays the fixed reference, as in the paper.

    The interval is the bootstrap's, of the intercept: the generated set is resampled with
    replacement, and everything is done anew, 30 times; it is value ± 1.96 standard deviations.
    The regression's own standard error would be far too small, since all points of the line
    share the same samples.

    Raises:
        UserError: for fewer than 20 generated or 2 real samples, values that are not finite, or
            unequal dimensions.
    """
    real = finite_rows(real_NF, "real features")
    fake = finite_rows(fake_MF, "generated features", least=LEAST)
    same_width(real, fake)
    reference = Reference(real)
    parts = _points(len(fake), fake.shape[1])
    generator = torch.Generator().manual_seed(seed)
    value = _intercept(reference, fake[torch.randperm(len(fake), generator=generator)], parts)
    resampled = []
    for _ in range(resamples):
        draw = torch.randint(len(fake), (len(fake),), generator=generator)
        resampled.append(_intercept(reference, fake[draw], parts))
    half = Z95 * float(np.std(resampled, ddof=1))
    return value, value - half, value + half


def straight(fake: int, dimensions: int) -> bool:
    """Whether so many generated samples are enough for the bias to be a straight line in 1/M."""
    return fake >= 8 * dimensions


def _points(fake: int, dimensions: int) -> int:
    return max(2, min(POINTS, fake // (4 * dimensions)))


def _intercept(reference: Reference, rows: Tensor, points: int) -> float:
    """Where the line through the distances at M/p, p = 1 ... points, meets 1/M = 0."""
    heights = [found.mean().item() for found in reference.distances(rows, points)]
    inverse = [1 / (len(rows) // parts) for parts in range(1, points + 1)]
    return float(np.polyfit(inverse, heights, 1)[1])
