"""Uncertainty of a score, 95 % unless said otherwise."""

import math
from collections.abc import Sequence

import numpy as np

Z95 = 1.959964


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927); it stays honest at 0 and at 1.

    Resampling a vector of yes and no is a binomial draw, so a bootstrap would give the same
    width in the middle and a width of zero at both ends.
    """
    share, z2 = successes / trials, Z95 * Z95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    half = Z95 / (1 + z2 / trials) * spread
    # At the ends the square root's rounding would leave dust where the bound is exact.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == trials else min(1.0, centre + half)


def centred(value: float, resampled: Sequence[float]) -> tuple[float, float]:
    """Bootstrap quantiles moved so that the resamples' median lies on ``value``.

    For statistics that are at least 0 and grow with sampling noise (a Fréchet distance, a KL
    divergence). Each resample adds noise to the noise already in the sample, so plain percentile
    intervals lie above the estimate and can even exclude it; moving them removes this second
    bias. The first one, that of the estimate itself at this number of samples, remains: compare
    only scores with the same counts.
    """
    shifts = np.asarray(resampled, dtype=np.float64)
    low, high = np.quantile(shifts, [0.025, 0.975]) - np.median(shifts)
    return max(0.0, value + float(low)), value + float(high)
