"""How far a set of pictures that were made from others is from the set they are to look like."""

from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.card import Score
from gansmith.metrics.features import Features
from gansmith.metrics.frechet import ENOUGH, frechet_interval
from gansmith.metrics.kernel import kernel_distance, kernel_interval


def set_distances(
    real_NF: Tensor, made_MF: Tensor, features: Features, seed: int = 0, resamples: int = 40
) -> dict[str, Score]:
    """``fd`` and ``kid`` of pictures that were made to real ones, with intervals.

    Heusel et al. 2017; Bińkowski et al. 2018. Of fewer than 2,000 pictures the Fréchet distance is
    biased upwards and says so: only values of the same counts compare.

    Args:
        real_NF, made_MF: their features.
        features: what took them.
        seed: of the resampling.
        resamples: of the bootstrap of ``fd``.

    Raises:
        UserError: for fewer than 4 pictures on a side, or values that are not finite.
    """
    least = min(len(real_NF), len(made_MF))
    if least < 4:
        raise UserError(f"{least} pictures are too few to compare sets of them")
    basis = f"{features.name} ({features.digest})"
    few = "" if least >= ENOUGH else f"{least} pictures: compare at this number only"
    fd = frechet_interval(real_NF, made_MF, resamples, seed)
    mean, std = kernel_distance(real_NF, made_MF, seed)
    low, high = kernel_interval(mean, std, len(real_NF), len(made_MF))
    return {
        "fd": Score(*fd, len(made_MF), basis, features.resize, few),
        "kid": Score(mean, low, high, len(made_MF), basis, features.resize),
    }
