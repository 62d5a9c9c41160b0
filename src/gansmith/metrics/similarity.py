"""Multi-scale structural similarity of two images (Wang, Simoncelli and Bovik 2003)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.errors import UserError

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents from the finest to the coarsest scale, their section 3.2."""
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2  # (K1 L)² and (K2 L)² for pixels in [0, 1]
_LEAST = 7  # px of the shorter side at the coarsest scale


def scales(height: int, width: int) -> int:
    """How many of the five scales an image of this size has.

    Each halves the sides, and the coarsest must keep 7 px: 1 scale under 14 px, 3 at 28 and
    32 px, 4 at 64 px, all 5 from 112 px.
    """
    count, side = 1, min(height, width)
    while count < len(WEIGHTS) and side // 2 >= _LEAST:
        count, side = count + 1, side // 2
    return count


def ms_ssim(images_a: Tensor, images_b: Tensor) -> Tensor:
    """MS-SSIM of two batches of uint8 BCHW images in [0, 255], float32 B in [0, 1].

    l_M^w_M · prod_j cs_j^w_j over the scales j = 1..M (Wang et al. 2003, equation (7)), with
    luminance l = (2 μa μb + C1) / (μa² + μb² + C1) at the coarsest scale only, and contrast
    times structure cs = (2 σab + C2) / (σa² + σb² + C2); both are averaged over positions and
    channels before the exponents. μ and σ are taken under a Gaussian window of 11 px,
    σ = 1.5 px, wholly inside the image; between scales 2x2 px are averaged.

    Small images have fewer scales (`scales`), whose exponents are divided by their sum, and a
    window that shrinks with its σ to the largest odd number of pixels that fits. A negative cs,
    which unrelated images can have, counts as 0, since a power of it would be no number.

    Raises:
        UserError: if the batches are not uint8 BCHW of one shape.
    """
    if images_a.shape != images_b.shape or images_a.ndim != 4 or 0 in images_a.shape[1:]:
        shapes = f"{tuple(images_a.shape)} and {tuple(images_b.shape)}"
        raise UserError(f"ms_ssim: expected two equal shapes (B, C, H, W), got {shapes}")
    if images_a.dtype != torch.uint8 or images_b.dtype != torch.uint8:
        raise UserError("ms_ssim: expected uint8 images in [0, 255]")
    a, b = images_a.float() / 255, images_b.float() / 255
    weights = WEIGHTS[: scales(a.shape[2], a.shape[3])]
    weights = tuple(weight / sum(weights) for weight in weights)
    result = torch.ones(len(a), device=a.device)
    for level, weight in enumerate(weights):
        if level:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        luminance, contrast = _terms(a, b)
        result = result * contrast.clamp(min=0) ** weight
    return result * luminance**weight


def ms_ssim_distance(images_a: Tensor, images_b: Tensor) -> Tensor:
    """1 - MS-SSIM, a distance in [0, 1] for `gansmith.metrics.diversity.diversity_ratio`."""
    return 1 - ms_ssim(images_a, images_b)


def _terms(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure per image, float32 B each."""
    size = min(_WINDOW, *a.shape[2:])
    size -= 1 - size % 2
    offset = torch.arange(size, device=a.device) - size // 2
    window = torch.exp(-0.5 * (offset / (_SIGMA * size / _WINDOW)) ** 2)
    window = window / window.sum()

    def mean(x: Tensor) -> Tensor:
        flat = x.flatten(0, 1)[:, None]
        rows = F.conv2d(flat, window.view(1, 1, -1, 1))
        return F.conv2d(rows, window.view(1, 1, 1, -1)).view(*x.shape[:2], -1)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    contrast = (2 * covariance + _C2) / (var_a + var_b + _C2)
    return luminance.mean((1, 2)), contrast.mean((1, 2))
