"""MIND, the Monge Inception Distance (Berthet et al. 2026): a sliced Wasserstein distance."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import feature_pair
from gansmith.metrics.intervals import centred

DIRECTIONS = 1000
"""Projections of the estimate."""

_RESAMPLED = 128  # projections of each resample: the spread needs fewer than the value


def monge_distance(
    real_NF: Tensor, fake_MF: Tensor, directions: int = DIRECTIONS, seed: int = 0
) -> float:
    """3 F E_u[W₂²(u·x, u·y)], u uniform on the unit sphere of R^F.

    MIND of Berthet et al. 2026 (arXiv 2605.06797), whose definition with α = 3 F is restated as
    equation 3 of arXiv 2608.13082; over L directions at N samples each it is
    3 F / (L N) sum_ij (sort(u_i·x)_j - sort(u_i·y)_j)².

    W₂² is the squared Wasserstein distance of order 2 of the projections, exact and by sorting,
    also at unequal counts; there is no square root. A shift by d gives 3 |d|², and |d|² in a
    Fréchet distance. 0 only for equal
    distributions, where FID sees just two moments. It is biased upwards at finite counts, so
    compare at equal ones only.

    The paper takes independent directions. Here they come in blocks of up to F orthogonal ones,
    which have the same expectation and less noise: a full block gives a shift exactly.

    Args:
        real_NF, fake_MF: features.
        directions: how many; 1000 is the upper end of what the paper advises.
        seed: of the directions. Compare scores of the same seed only.

    Raises:
        UserError: for fewer than 2 samples, less than 1 direction, values that are not finite, or
            unequal dimensions.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    return _scaled(real, fake, _directions(real.shape[1], directions, seed))


def monge_interval(
    real_NF: Tensor,
    fake_MF: Tensor,
    resamples: int = 40,
    seed: int = 0,
    directions: int = DIRECTIONS,
) -> tuple[float, float, float]:
    """The distance with a 95 % interval: ``(value, low, high)``.

    A bootstrap of the generated set, centred on the estimate as for the Fréchet distance; the
    real set counts as the fixed reference, and so do the directions. Resamples use the first 128
    directions only, which errs on the wide side a little.

    Raises:
        UserError: as `monge_distance`.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    every = _directions(real.shape[1], directions, seed)
    value = _scaled(real, fake, every)
    some = every[:, :_RESAMPLED]
    real_DN = (real @ some).T.sort(1).values
    fake_DM, order = (fake @ some).T.sort(1)
    steps = _Steps.of(len(real), len(fake))
    target_DL = real_DN[:, steps.real]
    rng = np.random.default_rng(seed)
    resampled = []
    for _ in range(resamples):
        counts = np.bincount(rng.integers(len(fake), size=len(fake)), minlength=len(fake))
        copies = torch.from_numpy(counts)[order]  # each row sums to M
        drawn = fake_DM.flatten().repeat_interleave(copies.flatten()).view_as(fake_DM)
        resampled.append(steps.mean_square(target_DL - drawn[:, steps.fake]))
    return value, *centred(value, [3 * real.shape[1] * found for found in resampled])


@dataclass(frozen=True)
class _Steps:
    """The quantile functions of N and of M sorted values, as pieces on which both are constant.

    W₂² of two distributions on the line is the mean square of the difference of their quantile
    functions. That of N values steps at 1/N, 2/N, ..., so both are constant between
    neighbours among all i/N and j/M: on piece l they are values ``real[l]`` and ``fake[l]``, and
    the piece is ``width[l]`` long.
    """

    real: Tensor
    fake: Tensor
    width: Tensor

    @classmethod
    def of(cls, real: int, fake: int) -> "_Steps":
        if real == fake:
            index = torch.arange(real)
            return cls(index, index, torch.full((real,), 1 / real, dtype=torch.float64))
        # In units of 1 / (N M), where the ends are whole numbers and ties are exact.
        ends = torch.cat([torch.arange(1, real + 1) * fake, torch.arange(1, fake + 1) * real])
        ends = ends.unique()
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        width = (ends - starts).double() / (real * fake)
        return cls(starts // fake, starts // real, width)

    def mean_square(self, difference_DL: Tensor) -> float:
        return float((difference_DL.square() @ self.width).mean())


def _scaled(real: Tensor, fake: Tensor, directions_FD: Tensor) -> float:
    steps = _Steps.of(len(real), len(fake))
    total = 0.0
    for block in directions_FD.split(_RESAMPLED, dim=1):
        real_DN = (real @ block).T.sort(1).values
        fake_DM = (fake @ block).T.sort(1).values
        found = steps.mean_square(real_DN[:, steps.real] - fake_DM[:, steps.fake])
        total += found * block.shape[1]
    return 3 * real.shape[1] * total / directions_FD.shape[1]


def _directions(width: int, count: int, seed: int) -> Tensor:
    """Uniform unit vectors as columns, float64 FD: blocks of up to F orthonormal ones.

    The Q of a Gaussian matrix is uniform among orthonormal frames up to the columns' signs, and
    W₂ does not see signs.
    """
    if count < 1:
        raise UserError(f"metrics: MIND needs at least 1 direction, not {count}")
    generator = torch.Generator().manual_seed(seed)
    blocks: list[Tensor] = []
    for start in range(0, count, width):
        size = min(width, count - start)
        frame = torch.randn(width, size, generator=generator, dtype=torch.float64)
        blocks.append(torch.linalg.qr(frame).Q)
    return torch.cat(blocks, dim=1)
