"""Kernel distance (KID): the squared maximum mean discrepancy under a cubic kernel."""

import math

from torch import Tensor

from gansmith.metrics.checks import feature_pair
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.intervals import Z95

SUBSETS = 100
SUBSET_SIZE = 1000


def subset_size(real: int, fake: int) -> int:
    """Samples per subset: 1000, or half of the smaller set so that subsets differ."""
    return max(2, min(SUBSET_SIZE, min(real, fake) // 2))


def kernel_distance(
    real: Tensor, fake: Tensor, seed: int = 0, subsets: int = SUBSETS
) -> tuple[float, float]:
    """Mean and standard deviation over subsets of the unbiased MMD² (Bińkowski et al. 2018).

    The kernel is (x·y / F + 1)³ on features of F dimensions, computed in float64 by
    torch-fidelity. The estimate is unbiased: for equal distributions it scatters around 0 and is
    negative half of the time. The deviation is that of one subset of `subset_size` samples, as
    published tables give it; `kernel_interval` turns it into an interval of the mean.

    Raises:
        UserError: for fewer than 2 samples, values that are not finite, or unequal dimensions.
    """
    real, fake = feature_pair(real, fake)
    metric = fidelity("metric_kid")
    found = metric.kid_features_to_metric(
        real,
        fake,
        kid_subsets=subsets,
        kid_subset_size=subset_size(len(real), len(fake)),
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1.0,
        rng_seed=seed,
        verbose=False,
    )
    return float(found[metric.KEY_METRIC_KID_MEAN]), float(found[metric.KEY_METRIC_KID_STD])


def kernel_interval(
    mean: float, std: float, real: int, fake: int, subsets: int = SUBSETS
) -> tuple[float, float]:
    """A 95 % interval of the mean over subsets, from their deviation.

    Subsets of m of n samples overlap, so their mean is surer than one of them and less sure than
    independent ones would make it: the delete-d jackknife (Shao and Wu 1989) gives its variance
    as std² m / (n - m), to which the finite number of subsets adds std² / subsets. With sets of
    unequal size n is the smaller, which errs on the wide side.
    """
    size, smaller = subset_size(real, fake), min(real, fake)
    share = size / (smaller - size) if smaller > size else 1.0
    half = Z95 * std * math.sqrt(share + 1 / subsets)
    return mean - half, mean + half
