"""Fréchet distance between Gaussians fitted to two sets of features."""

import numpy as np
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
    return _distance(_statistics(real), _statistics(fake))


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
    reference = _statistics(real)
    value = _distance(reference, _statistics(fake))
    rows, rng = fake.numpy(), np.random.default_rng(seed)
    even = np.full(len(rows), 1 / len(rows))
    draws = (rng.multinomial(len(rows), even) for _ in range(resamples))
    resampled = [_distance(reference, _weighted(rows, counts)) for counts in draws]
    return value, *centred(value, resampled)


def _statistics(rows: Tensor) -> Statistics:
    found = fidelity("metric_fid").fid_features_to_statistics(rows)
    return {"mu": found["mu"], "sigma": np.atleast_2d(found["sigma"])}  # one dimension: 1x1


def _weighted(rows: np.ndarray, counts: np.ndarray) -> Statistics:
    """Mean and covariance of the sample in which row i stands ``counts[i]`` times."""
    total = counts.sum()
    mean = counts @ rows / total
    away = rows - mean
    return {"mu": mean, "sigma": (away * counts[:, None]).T @ away / (total - 1)}


def _distance(one: Statistics, other: Statistics) -> float:
    metric = fidelity("metric_fid")
    found = metric.fid_statistics_to_metric(one, other, verbose=False)
    return max(0.0, float(found[metric.KEY_METRIC_FID]))  # -1e-12 of rounding for equal sets
