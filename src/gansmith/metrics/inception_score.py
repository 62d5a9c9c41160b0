"""Inception score (Salimans et al. 2016): sure of each image's class, and of many classes."""

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.fidelity import fidelity

_LOWEST = -700.0  # e^-700 is a float64 above 0: no class has the probability 0, whose log is not


def inception_score(logits_NK: Tensor, splits: int = 10, seed: int = 0) -> tuple[float, float]:
    """``(mean, std)`` over equal splits of exp(E_x KL(p(y|x) | p(y))), each in [1, K].

    p(y|x) is the softmax of a classifier's K logits for a generated image, p(y) its mean over
    the split's images. Computed in float64 by torch-fidelity, on rows shuffled by ``seed``. 1 if
    all images get the same answer; K if each gets one class for certain, and all classes equally
    often. It is biased downwards at finite counts, since each split's p(y) is fitted to it, so
    compare at equal counts and splits only. It never looks at real images, and is blind to a
    generator with one good image per class. It is called the inception score whatever the
    classifier, but only those of the same classifier can be compared.

    Raises:
        UserError: for less than 1 split, fewer than 2 samples per split, or values that are not
            finite.
    """
    metric = fidelity("metric_isc")
    logits = _checked(logits_NK, splits)
    found = metric.isc_features_to_metric(logits, splits=splits, shuffle=True, rng_seed=seed)
    return float(found[metric.KEY_METRIC_ISC_MEAN]), float(found[metric.KEY_METRIC_ISC_STD])


def inception_interval(
    logits_NK: Tensor, splits: int = 10, seed: int = 0, resamples: int = 200
) -> tuple[float, float, float]:
    """The mean over splits with a 95 % interval: ``(value, low, high)``.

    A bootstrap: each resample draws its splits with replacement from all images. Resampled
    scores lie below the estimate, for the same reason that the estimate lies below the value at
    infinitely many images, so their quantiles are moved until their median is the estimate, and
    cut to [1, K].

    Raises:
        UserError: as `inception_score`.
    """
    value, _ = inception_score(logits_NK, splits, seed)
    log_p = _checked(logits_NK, splits).log_softmax(1)
    p_NK = log_p.exp()
    surprise_N = (p_NK * log_p).sum(1)
    rng, count = np.random.default_rng(seed), len(p_NK)
    even = np.full(count, 1 / count)
    resampled = []
    for _ in range(resamples):
        drawn = rng.multinomial(count // splits, even, size=splits)
        weight_SN = torch.from_numpy(drawn / (count // splits))
        q_SK = weight_SN @ p_NK
        # KL(p(y|x) | q) has the mean E sum p log p - sum q log q.
        information_S = weight_SN @ surprise_N - (q_SK * q_SK.log()).sum(1)
        resampled.append(information_S.exp().mean().item())
    low, high = np.quantile(resampled, [0.025, 0.975]) - np.median(resampled) + value
    return value, max(1.0, float(low)), min(float(p_NK.shape[1]), float(high))


def _checked(logits: Tensor, splits: int) -> Tensor:
    """Float64 logits, the largest of each row 0 and none below `_LOWEST`."""
    if splits < 1:
        raise UserError(f"metrics: the inception score needs at least 1 split, not {splits}")
    logits = finite_rows(logits, "rows of logits", least=2 * splits)
    return (logits - logits.max(1, keepdim=True).values).clamp(min=_LOWEST)
