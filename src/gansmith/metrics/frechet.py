"""Fréchet distance between Gaussians fitted to two sets of features."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from gansmith.metrics.checks import feature_pair
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.intervals import centred

ENOUGH = 2000
"""Below this many samples the distance is mostly the noise of the fitted covariances."""

Statistics = dict[str, np.ndarray]


def frechet_distance(real_NF: Tensor, fake_MF: Tensor) -> float:
    """|m - m'|² + tr(S + S' - 2 (S S')^½), with means m and covariances S (Heusel et al. 2017).

    Computed in float64 by torch-fidelity. Never negative up to rounding; 0 for equal sets. It is
    biased upwards at finite counts, by an amount that shrinks like 1/N, so compare only values
    with equal counts. It is called FID only on the FID Inception's features.

    Raises:
        UserError: for fewer than 2 samples, values that are not finite, or unequal dimensions.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    return distance(statistics(real), statistics(fake))


def frechet_interval(
    real_NF: Tensor, fake_MF: Tensor, resamples: int = 40, seed: int = 0
) -> tuple[float, float, float]:
    """The distance with a 95 % interval: ``(value, low, high)``.

    The generated set is resampled with replacement, as weights in its mean and covariance; the
    real set counts as the fixed reference. Bootstrapped distances lie above the estimate, since
    each carries the noise of two samplings, so the interval is centred on the estimate
    (`gansmith.metrics.intervals.centred`): it says how far another draw of as many generated
    samples may lie, not how far away the value at infinitely many is.

    Raises:
        UserError: as `frechet_distance`.
    """
    real, fake = feature_pair(real_NF, fake_MF)
    value = distance(statistics(real), statistics(fake))
    rng, even = np.random.default_rng(seed), np.full(len(fake), 1 / len(fake))
    draws = (rng.multinomial(len(fake), even) for _ in range(resamples))
    return value, *centred(value, Reference(real).resampled(fake, draws))


def statistics(rows: Tensor) -> Statistics:
    """Mean and unbiased covariance of checked float64 NF rows: ``mu`` F and ``sigma`` FF."""
    found = fidelity("metric_fid").fid_features_to_statistics(rows)
    return {"mu": found["mu"], "sigma": np.atleast_2d(found["sigma"])}  # one dimension: 1x1


def distance(one: Statistics, other: Statistics) -> float:
    """The Fréchet distance of two Gaussians, by torch-fidelity."""
    metric = fidelity("metric_fid")
    found = metric.fid_statistics_to_metric(one, other, verbose=False)
    return max(0.0, float(found[metric.KEY_METRIC_FID]))  # -1e-12 of rounding for equal sets


class Reference:
    """The fixed Gaussian of the real set, with what many distances to it share.

    tr (S S')^½ is the sum of the roots of the eigenvalues of R'S'R for any R with R R' = S. R'S'R
    is the covariance of the generated rows times R, symmetric and cheap where S S' is neither.
    """

    def __init__(self, real: Tensor) -> None:
        found = statistics(real)
        self.mean = torch.from_numpy(found["mu"])
        sigma = torch.from_numpy(found["sigma"])
        self.trace = sigma.trace()
        values, vectors = torch.linalg.eigh(sigma)
        self.root = vectors * values.clamp(0).sqrt()

    def resampled(self, rows: Tensor, draws: Iterable[np.ndarray]) -> list[float]:
        """The Fréchet distance of each sample in which row i stands ``counts[i]`` times."""
        middle = rows.mean(0)  # near it, little is lost in sum xx' - n mm'
        away = rows - middle
        turned, squared = away @ self.root, away.square().sum(1)
        found = []
        for counts in draws:
            weight = torch.from_numpy(counts).double()
            total = weight.sum()
            mean = weight @ away / total
            off = mean @ self.root
            trace = (weight @ squared - total * mean.square().sum()) / (total - 1)
            inner = (turned * weight[:, None]).T @ turned - total * torch.outer(off, off)
            cross = torch.linalg.eigvalsh(inner / (total - 1)).clamp(0).sqrt().sum()
            apart = (mean + middle - self.mean).square().sum()
            found.append(float(apart + self.trace + trace - 2 * cross))
        return found

    def distances(self, rows: Tensor, points: int) -> list[Tensor]:
        """For p = 1 ... ``points`` the Fréchet distances of p equal pieces of the rows."""
        middle = rows.mean(0)  # near it, little is lost in sum xx' - n mm'
        away = rows - middle
        turned, squared = away @ self.root, away.square().sum(1)
        found = []
        for parts in range(1, points + 1):
            size = len(rows) // parts
            used = slice(parts * size)
            mean_PF = away[used].view(parts, size, -1).mean(1)
            trace = (squared[used].view(parts, size).sum(1) - size * mean_PF.square().sum(1)) / (
                size - 1
            )
            turned_PSF = turned[used].view(parts, size, -1)
            off_PF1 = (mean_PF @ self.root)[:, :, None]
            inner_PFF = (turned_PSF.mT @ turned_PSF - size * off_PF1 @ off_PF1.mT) / (size - 1)
            cross = torch.linalg.eigvalsh(inner_PFF).clamp(0).sqrt().sum(1)
            apart = (mean_PF + middle - self.mean).square().sum(1)
            found.append(apart + self.trace + trace - 2 * cross)
        return found
