"""Eyes: cheap features in which samples are compared while a run trains. None is downloaded."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.engine import seeded
from gansmith.metrics import Features
from gansmith.models import to_uint8

SIDE = 16  # pixels that the random convolutions see
PLAIN = 8  # pixels that are looked at as they are
WIDTHS = (16, 32)
GRID = 4


class Eye(Protocol):
    """Samples (B, ...) in the range that D sees, to features float32 (B, F)."""

    def __call__(self, x: Tensor) -> Tensor: ...


class Coordinates:
    """Points as they are; anything else flattened."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.detach().flatten(1).float()


class Known:
    """The house's own features of images, such as ``digits-cnn``, for images within ``span``."""

    def __init__(self, features: Features, span: tuple[float, float] = (-1.0, 1.0)) -> None:
        self._features = features
        self._span = span

    def __call__(self, x: Tensor) -> Tensor:
        return self._features(to_uint8(x, *self._span)).float()


def _deviation(rows_BF: Tensor) -> float:
    """The root of the sum of the features' variances; a little where they do not vary at all."""
    return max(float(rows_BF.var(0, correction=0).sum().sqrt()), 1e-12)


class Glance:
    """Images of any size, range and number of channels, by fixed random convolutions.

    The image brought to 8x8 pixels, and beside it two layers of random filters, each followed by a
    rectifier and averaging. Random filters see edges and textures well enough to compare sets of
    images (Jarrett et al. 2009, section 4.1; Naeem et al. 2020, section 4.3, on untrained nets).
    Both parts are of about the same weight: each is divided by its deviation over the real samples
    that it was made with.
    """

    def __init__(self, real: Tensor) -> None:
        """``real``: (B, C, H, W), which sets the scale."""
        channels = int(real.shape[1])
        draw = seeded(0, "doctor-glance", channels)
        wide = (channels, *WIDTHS)
        self._filters = [
            torch.randn(wide[at + 1], wide[at], 3, 3, generator=draw) * (2 / (9 * wide[at])) ** 0.5
            for at in range(len(WIDTHS))
        ]
        self._middle = real.float().mean().item()
        self._unit = max(real.float().std().item(), 1e-12)
        self._scales = (1.0, 1.0)
        plain, filtered = self._parts(real)
        self._scales = (_deviation(plain), _deviation(filtered))

    @torch.no_grad()
    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x.detach().float() - self._middle) / self._unit
        side = (min(SIDE, x.shape[2]), min(SIDE, x.shape[3]))
        x = F.adaptive_avg_pool2d(x, side) if side != tuple(x.shape[2:]) else x
        plain = F.adaptive_avg_pool2d(x, PLAIN).flatten(1)
        for number, weight in enumerate(self._filters):
            x = F.leaky_relu(F.conv2d(x, weight.to(x.device), padding=1), 0.2)
            x = (
                F.avg_pool2d(x, 2)
                if number + 1 < len(self._filters) and min(x.shape[2:]) > 2
                else x
            )
        return plain, F.adaptive_avg_pool2d(x, GRID).flatten(1)

    def __call__(self, x: Tensor) -> Tensor:
        pairs = zip(self._parts(x), self._scales, strict=True)
        return torch.cat([part / scale for part, scale in pairs], dim=1)
