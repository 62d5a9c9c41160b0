"""How good translated pictures are: as a set against the target side's, and each by its partner.

A translation may be good without being its partner, so likeness (LPIPS, L1) goes together with the
Fréchet and kernel distances of the whole set.
"""

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.card import Score
from gansmith.metrics.completion import Distance, mean_score
from gansmith.metrics.features import Features
from gansmith.metrics.frechet import ENOUGH, frechet_interval
from gansmith.metrics.kernel import kernel_distance, kernel_interval


def set_distances(
    real_NF: Tensor, made_MF: Tensor, features: Features, seed: int = 0, resamples: int = 40
) -> dict[str, Score]:
    """``fd`` and ``kid`` of translated pictures to pictures of the target side, with intervals.

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


def partner_distances(
    made: Tensor, partners: Tensor, perceptual: tuple[str, Distance] | None = None, seed: int = 0
) -> dict[str, Score]:
    """``l1`` and, where it can be had, ``lpips`` of each picture to its partner: means.

    Isola et al. 2017, equation (3), in [0, 1]; Zhang et al. 2018. Intervals by bootstrap over the
    pictures.

    Args:
        made, partners: uint8 BCHW of one shape, in [0, 255].
        perceptual: a distance of two uint8 batches, and what it is called.

    Raises:
        UserError: for other types or shapes, or no picture.
    """
    if made.shape != partners.shape or made.ndim != 4 or not len(made):
        shapes = " and ".join(str(tuple(each.shape)) for each in (made, partners))
        raise UserError(f"translation: expected two batches BCHW of one shape, got {shapes}")
    if made.dtype != torch.uint8 or partners.dtype != torch.uint8:
        raise UserError("translation: expected uint8 pictures in [0, 255]")
    apart = (made.double() - partners.double()).abs().flatten(1).mean(1) / 255.0
    found = {"l1": mean_score(apart, "pixels", seed)}
    if perceptual is not None:
        name, distance = perceptual
        found["lpips"] = mean_score(distance(made, partners).double().cpu(), name, seed)
    return found
