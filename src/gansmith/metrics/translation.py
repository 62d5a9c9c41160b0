"""How near a translated picture is to the one it was to become: PSNR, SSIM, LPIPS.

Only pairs have such a picture. One picture may be translated in several good ways, so these go
together with distances that ask whether the pictures look like those of the target side.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.card import Score
from gansmith.metrics.completion import Distance, masked_psnr, masked_ssim, mean_score


def measure_pairs(
    batches: Sequence[tuple[Tensor, Tensor]], perceptual: tuple[str, Distance] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Measure translated pictures against their targets.

    Args:
        batches: of (made, target), uint8 BCHW.
        perceptual: a distance of two uint8 batches and what it is called.

    Returns:
        By the score's name (``psnr``, ``ssim``, ``lpips_target``) a float64 number of each picture,
        and what it was measured with. `masked_psnr` and `masked_ssim` say the formulas, here of all
        pixels.

    Raises:
        UserError: without a picture, or for other types or shapes.
    """
    if not batches:
        raise UserError("translation: there are no pictures to score")
    columns: dict[str, list[Tensor]] = {}
    for made, target in batches:
        everywhere = torch.ones(len(made), *made.shape[2:], dtype=torch.bool, device=made.device)
        columns.setdefault("psnr", []).append(masked_psnr(made, target, everywhere))
        columns.setdefault("ssim", []).append(masked_ssim(made, target, everywhere))
        if perceptual is not None:
            columns.setdefault("lpips_target", []).append(
                perceptual[1](made, target).double().cpu()
            )
    basis = dict.fromkeys(columns, "pixels")
    if perceptual is not None:
        basis["lpips_target"] = perceptual[0]
    return {key: torch.cat(parts) for key, parts in columns.items()}, basis


def pair_card(
    batches: Sequence[tuple[Tensor, Tensor]],
    perceptual: tuple[str, Distance] | None = None,
    seed: int = 0,
) -> dict[str, Score]:
    """The means of `measure_pairs`, each with its 95 % interval by bootstrap over the pictures.

    Args, Raises: as `measure_pairs`.
    """
    values, basis = measure_pairs(batches, perceptual)
    return {name: mean_score(values[name], basis[name], seed) for name in values}
