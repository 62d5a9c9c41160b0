"""How near a filled hole is to what had been there: PSNR and SSIM in the hole, LPIPS.

A filling may be good without being what was there, so these go together with the Fréchet and kernel
distances of completed pictures, which ask whether they look like pictures of the data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.card import Score

ROUNDING = 1 / 12  # grey levels², what rounding to 8 bits costs: no error is taken to be smaller
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # (K1 L)² and (K2 L)² for pixels in [0, 1]
EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)  # of the share of the picture in the hole
LEAST = 8  # pictures of a size, to speak of it
LEAST_APART = 200  # to hold their features against those of whole pictures
RESAMPLES = 500
Distance = Callable[[Tensor, Tensor], Tensor]


def _check(made: Tensor, real: Tensor, mask: Tensor) -> None:
    sizes = (len(real), *real.shape[2:])
    if made.shape != real.shape or real.ndim != 4 or tuple(mask.shape) != sizes:
        shapes = ", ".join(str(tuple(each.shape)) for each in (made, real, mask))
        raise UserError(f"completion: expected BCHW, BCHW and BHW of one size, got {shapes}")
    if made.dtype != torch.uint8 or real.dtype != torch.uint8 or mask.dtype != torch.bool:
        raise UserError("completion: expected uint8 pictures in [0, 255] and a boolean mask")
    if not bool(mask.flatten(1).any(1).all()):
        raise UserError("completion: a picture without a hole has nothing to score")


def masked_psnr(made: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """10 · log10(255² / MSE over the hole) in dB, float64 B; at most 58.9, where nothing differs.

    Args:
        made, real: uint8 BCHW in [0, 255].
        mask: boolean BHW, True in the hole.

    Raises:
        UserError: for other types or shapes, or a picture without a hole.
    """
    _check(made, real, mask)
    squares = (made.double() - real.double()).square().mean(1) * mask
    error = squares.flatten(1).sum(1) / mask.flatten(1).sum(1)
    return 10.0 * (255.0**2 / error.clamp(min=ROUNDING)).log10()


def masked_ssim(made: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """The mean of SSIM over the pixels of the hole and the channels, float64 B in [−1, 1].

    Wang et al. 2004, equation (13), under a Gaussian window of 11 px, σ = 1.5 px, that is cut and
    weighed anew at the picture's edge. A window at the hole's edge sees known pixels too.

    Args, Raises: as `masked_psnr`.
    """
    _check(made, real, mask)
    a, b = made.double() / 255, real.double() / 255
    offset = torch.arange(WINDOW, dtype=torch.float64, device=a.device) - WINDOW // 2
    window = torch.exp(-0.5 * (offset / SIGMA) ** 2)

    def blurred(x: Tensor) -> Tensor:
        rows = F.conv2d(x, window.view(1, 1, -1, 1), padding=(WINDOW // 2, 0))
        return F.conv2d(rows, window.view(1, 1, 1, -1), padding=(0, WINDOW // 2))

    weight = blurred(torch.ones_like(a[:1, :1]))

    def mean(x: Tensor) -> Tensor:
        return (blurred(x.flatten(0, 1)[:, None]) / weight).view_as(x)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    found = (top / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))).mean(1)
    return (found * mask).flatten(1).sum(1) / mask.flatten(1).sum(1)


@dataclass(frozen=True)
class Fillings:
    """What was measured of each picture.

    Attributes:
        values: by the score's name, float64 N.
        area_N: the share of each picture in the hole.
        basis: by the score's name, what it was measured with.
    """

    values: dict[str, Tensor]
    area_N: Tensor
    basis: dict[str, str]


def measure_fillings(
    batches: Sequence[tuple[Tensor, Tensor, Tensor]],
    perceptual: tuple[str, Distance] | None = None,
) -> Fillings:
    """Measure completed pictures against the originals.

    Args:
        batches: of (completed, original, mask): uint8 BCHW twice, boolean BHW.
        perceptual: a distance of two uint8 batches and what it is called; it is taken between whole
            pictures, which differ in the hole only.

    Raises:
        UserError: as `masked_psnr`, or without a picture.
    """
    if not batches:
        raise UserError("completion: there are no pictures to score")
    columns: dict[str, list[Tensor]] = {}
    areas = []
    for made, real, mask in batches:
        columns.setdefault("psnr_hole", []).append(masked_psnr(made, real, mask))
        columns.setdefault("ssim_hole", []).append(masked_ssim(made, real, mask))
        if perceptual is not None:
            columns.setdefault("lpips_hole", []).append(perceptual[1](made, real).double().cpu())
        areas.append(mask.double().flatten(1).mean(1))
    basis = {"psnr_hole": "pixels of the hole", "ssim_hole": "pixels of the hole"}
    if perceptual is not None:
        basis["lpips_hole"] = perceptual[0]
    return Fillings(
        {key: torch.cat(parts) for key, parts in columns.items()}, torch.cat(areas), basis
    )


def mean_score(values_N: Tensor, basis: str, seed: int = 0, note: str = "") -> Score:
    """The mean of one value per picture, with its 95 % interval by bootstrap over the pictures.

    Efron 1979; quantiles of resampled means.
    """
    values = values_N.cpu().numpy()
    draws = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(1), [0.025, 0.975])
    return Score(
        float(values.mean()), float(low), float(high), len(values), basis, "not resized", note
    )


def filling_card(found: Fillings, seed: int = 0) -> dict[str, Score]:
    """``psnr_hole``, ``ssim_hole`` and, where measured, ``lpips_hole``: over all pictures."""
    return {name: mean_score(found.values[name], found.basis[name], seed) for name in found.values}


def sizes(area_N: Tensor, least: int = LEAST) -> dict[str, Tensor]:
    """Which pictures have a hole of which size, boolean N by its name: ``"10-20 %"`` and so on.

    Args:
        area_N: the share of each picture in the hole.
        least: sizes of fewer pictures are left out.
    """
    found: dict[str, Tensor] = {}
    for low, high in pairwise(EDGES):
        here = (area_N > low) & (area_N <= high)
        if int(here.sum()) >= least:
            found[f"{math.floor(100 * low)}-{math.floor(100 * high)} %"] = here
    return found


def by_hole(found: Fillings, seed: int = 0) -> dict[str, Score]:
    """`filling_card` of the pictures whose hole is of one size: ``"psnr_hole 10-20 %"`` and so on.

    Sizes of fewer than 8 pictures are left out.
    """
    card: dict[str, Score] = {}
    for name, here in sizes(found.area_N).items():
        part = {key: values[here] for key, values in found.values.items()}
        scores = filling_card(Fillings(part, found.area_N[here], found.basis), seed)
        card |= {f"{key} {name}": score for key, score in scores.items()}
    return card
