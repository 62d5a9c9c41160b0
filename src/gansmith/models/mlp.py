"""Plain multi-layer perceptrons: for 2-D toys (D on Fourier features) and for small images."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from gansmith.models.conditioning import ClassEmbedding, Projection
from gansmith.models.layers import SLOPE, he

FREQUENCIES = (0.1, 4.0)
WAVES = 64


def _stack(sizes: list[int], slope: float) -> nn.Sequential:
    gain = math.sqrt(2.0 / (1.0 + slope**2))  # keeps the variance (He et al. 2015)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [he(nn.Linear(before, after), gain), nn.LeakyReLU(slope) if slope else nn.ReLU()]
    return nn.Sequential(*layers)


class FourierFeatures(nn.Module):
    """x ↦ (x, a·sin 2πBx, a·cos 2πBx) with a fixed B (Tancik et al. 2020, equation (5)).

    A plain perceptron cannot see structure far finer than the spread of the data, such as modes of
    a sixtieth of it; on these features it can. Directions are random; frequencies f run evenly in
    the logarithm over ``FREQUENCIES`` (cycles per unit, for data of unit spread), with amplitudes
    a = (f₀/f)^½, so that the coarse structure is learned first.
    """

    frequencies: Tensor
    amplitudes: Tensor

    def __init__(self, inputs: int, count: int) -> None:
        super().__init__()
        low, high = FREQUENCIES
        size = low * (high / low) ** torch.linspace(0, 1, count)
        directions = torch.randn(inputs, count)
        self.register_buffer("frequencies", directions / directions.norm(dim=0) * size)
        self.register_buffer("amplitudes", (low / size).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        angle = 2.0 * math.pi * x @ self.frequencies
        return torch.cat([x, angle.sin() * self.amplitudes, angle.cos() * self.amplitudes], dim=1)


class MLPGenerator(nn.Module):
    """z, shape (B, z_dim) → samples of the given shape.

    Its units are rectified: a mode is a plateau of G and the way to the next one a cliff, hundreds
    of times as steep, and units that are wholly off make both. Leaky ones needed four times the
    steps for fewer points on the modes of the grid (docs/recipes.md).
    """

    def __init__(
        self, shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int
    ) -> None:
        super().__init__()
        self.shape = shape
        self.embed = ClassEmbedding(classes, z_dim)
        self.body = _stack([self.embed.outputs, *[width] * depth], slope=0.0)
        self.out = he(nn.Linear(width, math.prod(shape)), gain=1.0)

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.out(self.body(self.embed(z_BZ, y_B))).view(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """Samples → logits, shape (B,)."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, classes: int) -> None:
        super().__init__()
        inputs = math.prod(shape)
        self.fourier = FourierFeatures(inputs, WAVES) if len(shape) == 1 else nn.Identity()
        seen = inputs + 2 * WAVES if len(shape) == 1 else inputs
        self.body = _stack([seen, *[width] * depth], slope=SLOPE)
        self.head = Projection(classes, width)

    def forward(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.head(self.body(self.fourier(x.flatten(1))), y_B)


def mlp(
    shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Two perceptrons with ``depth`` hidden layers of ``width`` units; any sample shape."""
    return (
        MLPGenerator(shape, z_dim, width, depth, classes),
        MLPDiscriminator(shape, width, depth, classes),
    )
