"""The reference: torch-fidelity's own scores on features that both sides are given."""

import warnings

import torch
from torch import Tensor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of its imports
    from torch_fidelity import metric_fid, metric_kid, metric_prc


def frechet(real_NF: Tensor, fake_MF: Tensor) -> float:
    """Its Fréchet distance, in float64 as it takes features from its own extractor."""
    one, two = (metric_fid.fid_features_to_statistics(x.double()) for x in (real_NF, fake_MF))
    found = metric_fid.fid_statistics_to_metric(one, two, verbose=False)
    return float(found[metric_fid.KEY_METRIC_FID])


def kernel(real_NF: Tensor, fake_MF: Tensor, subsets: int, size: int) -> float:
    """Its kernel distance, mean over subsets."""
    found = metric_kid.kid_features_to_metric(
        real_NF.double(),
        fake_MF.double(),
        kid_subsets=subsets,
        kid_subset_size=size,
        rng_seed=0,
        verbose=False,
    )
    return float(found[metric_kid.KEY_METRIC_KID_MEAN])


def precision_recall(real_NF: Tensor, fake_MF: Tensor, k: int) -> tuple[float, float]:
    """Its precision and recall (Kynkäänniemi et al. 2019)."""
    with torch.no_grad():
        found = metric_prc.calculate_precision_recall_part(fake_MF, real_NF, k)
    return float(found[0]), float(found[1])
