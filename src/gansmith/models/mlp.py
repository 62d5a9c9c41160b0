"""Plain multi-layer perceptrons: for 2-D toys (D on Fourier features) and for small images."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gansmith.models.activations import ACTIVATIONS, OUTPUTS, range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.conditioning import ClassEmbedding
from gansmith.models.critic import Critic, MinibatchStd, bias_before, packed
from gansmith.models.layers import he
from gansmith.models.normalisation import nonlinear

FREQUENCIES = (0.1, 4.0)
WAVES = 64
G_STYLE = Style("relu", "none", "linear")
D_STYLE = Style("leaky-relu", "none", "linear")


# These scale with what comes in, so the gain of the first layer, which no activation precedes, is
# free: recipes were measured with the rectifier's own. For all others it is 1.
SCALING = ("relu", "leaky-relu", "prelu")


def _stack(sizes: Sequence[int], style: Style) -> nn.Sequential:
    """Linear layers from each size to the next, each with its normalisation and activation."""
    gain = ACTIVATIONS[style.activation].gain
    layers: list[nn.Module] = []
    for place, (before, after) in enumerate(pairwise(sizes), 2):
        if style.minibatch_std and place == len(sizes):
            layers, before = [*layers, MinibatchStd()], before + 1
        first = place == 2 and style.activation not in SCALING
        layer = nn.Linear(before, after, bias=bias_before(style.norm))
        layers += [he(layer, 1.0 if first else gain)]
        layers += nonlinear(style.norm, style.activation, after, flat=True)
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


class FromBlack(nn.Module):
    """x ↦ (x − low)/(high − low): black becomes 0, white 1.

    A perceptron's first layer sums all pixels. Where black is −1 the background outweighs what is
    drawn on it, and of Adam's steps most of the effect is a shift common to all images (LeCun et
    al. 1998, section 4.3). With tanh at G's end this took a perceptron of digits from 42 % to 57 %
    of samples that a classifier is sure of, after 30 CPU-seconds.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = low
        self.size = high - low

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.low) / self.size


class MLPGenerator(nn.Module):
    """z, shape (B, z_dim) → samples of the given shape.

    Its units are rectified unless asked otherwise: a mode is a plateau of G and the way to the next
    one a cliff, hundreds of times as steep, and units that are wholly off make both. Leaky ones
    needed four times the steps for fewer points on the modes of the grid (docs/recipes.md).
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.shape = plan.shape
        self.embed = ClassEmbedding(plan.classes, plan.z_dim)
        widths = plan.widths(plan.g)
        self.body = _stack([self.embed.outputs, *widths], plan.g)
        self.out = he(nn.Linear(widths[-1], math.prod(plan.shape)), gain=1.0)
        self.output = OUTPUTS[plan.g.output].make()

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        x = self.out(self.body(self.embed(z_BZ, y_B)))
        return self.output(x).view(-1, *self.shape)


class MLPCritic(Critic):
    """Samples → logits; a pack is its samples' features after one another."""

    def __init__(self, plan: Blueprint, outputs: int) -> None:
        super().__init__(plan)
        inputs, points = math.prod(plan.shape), len(plan.shape) == 1
        self.see = FourierFeatures(inputs, WAVES) if points else FromBlack(*range_of(plan.g.output))
        seen = inputs + 2 * WAVES if points else inputs
        widths = plan.widths(plan.d)
        self.body = _stack([seen * plan.d.pac, *widths], plan.d)
        self.finish(plan, widths[-1], outputs)

    def features(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        del y_B
        return self.body(packed(self.see(x.flatten(1)), self.pac))
