"""The default: small nets without normalisation, after R3GAN (Huang et al. 2024).

What is kept of the paper: no normalisation anywhere, LeakyReLU 0.2, residual branches whose last
convolution starts at zero, bilinear growth in G, one linear layer at either end. What is moved, by
measurement on two CPU cores (docs/performance.md): G carries the residual blocks, D does without
until ``depth`` is 2, and D halves the image at once, because a penalised step runs D many times.

Channels: the width at full size, twice as many at each half of it. Depth: residual blocks at each
size, in G; D has one less. A normalisation that is asked for stands before each activation but D's
last, which may see a single pixel.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from gansmith.models.activations import ACTIVATIONS, OUTPUTS
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.conditioning import ClassEmbedding
from gansmith.models.critic import Critic, MinibatchStd, bias_before, packed
from gansmith.models.layers import channels_last, he, stage_sizes
from gansmith.models.normalisation import nonlinear

MAX_WIDENING = 8  # channels grow with depth to at most this many times the width
G_STYLE = D_STYLE = Style("leaky-relu", "none", "linear")


def _channels(width: int, stages: int) -> list[int]:
    """Channels from the whole image down to the base: width, 2·width, 4·width, ..."""
    return [width * min(2**stage, MAX_WIDENING) for stage in range(stages)]


def _act(style: Style, channels: int) -> nn.Sequential:
    return nn.Sequential(*nonlinear(style.norm, style.activation, channels))


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), the identity at the start.

    With spectral norm the last convolution cannot start at zero: it starts as wide as the first.
    """

    def __init__(self, channels: int, style: Style) -> None:
        super().__init__()
        gain, bias = ACTIVATIONS[style.activation].gain, bias_before(style.norm)
        self.first = he(nn.Conv2d(channels, channels, 3, padding=1, bias=bias), gain)
        self.last = he(
            nn.Conv2d(channels, channels, 3, padding=1), gain=gain if style.spectral else 0.0
        )
        self.before_first, self.before_last = _act(style, channels), _act(style, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(self.before_last(self.first(self.before_first(x))))


def _blocks(channels: int, depth: int, style: Style) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock(channels, style) for _ in range(depth)])


class ResnetGenerator(nn.Module):
    """z → dense base → (residual blocks, 1×1, bilinear ×2) per size → blocks → image (C, H, W).

    Growing bilinearly matters more than any other choice here: with transposed convolutions of the
    same cost D rejects the texture of the early samples and learning stalls.
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        style = plan.g
        sizes = stage_sizes(plan.shape[1], plan.shape[2])
        channels = _channels(plan.width, len(sizes))[::-1]
        self.embed = ClassEmbedding(plan.classes, plan.z_dim)
        self.base = (channels[0], *sizes[-1])
        area = sizes[-1][0] * sizes[-1][1]
        self.dense = he(nn.Linear(self.embed.outputs, channels[0] * area), gain=1.0)
        self.blocks = nn.ModuleList(_blocks(c, plan.depth, style) for c in channels)
        self.narrow = nn.ModuleList(
            he(nn.Conv2d(before, after, 1), gain=1.0) for before, after in pairwise(channels)
        )
        self.before_out = _act(style, channels[-1])
        self.out = he(nn.Conv2d(channels[-1], plan.shape[0], 3, padding=1), gain=1.0)
        self.output = OUTPUTS[style.output].make()

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        x = channels_last(self.dense(self.embed(z_BZ, y_B)).view(-1, *self.base))
        for blocks, narrow in zip(self.blocks[:-1], self.narrow, strict=True):
            x = interpolate(narrow(blocks(x)), scale_factor=2, mode="bilinear")
        return self.output(self.out(self.before_out(self.blocks[-1](x))))


class ResnetCritic(Critic):
    """Image → (4×4 convolution of stride 2, residual blocks) per size → logit."""

    def __init__(self, plan: Blueprint, outputs: int) -> None:
        super().__init__(plan)
        style = plan.d
        gain = ACTIVATIONS[style.activation].gain
        sizes = stage_sizes(plan.shape[1], plan.shape[2])
        channels = _channels(plan.width, len(sizes))
        self.stem = he(nn.Conv2d(plan.shape[0] * style.pac, channels[1], 4, 2, 1), gain=1.0)
        self.blocks = nn.ModuleList(_blocks(c, plan.depth - 1, style) for c in channels[1:])
        self.downs = nn.ModuleList(
            he(nn.Conv2d(before, after, 4, 2, 1), gain) for before, after in pairwise(channels[1:])
        )
        self.before_downs = nn.ModuleList(_act(style, c) for c in channels[1:-1])
        last = channels[-1]
        self.before_mix = _act(style, last)
        self.compare = MinibatchStd() if style.minibatch_std else nn.Identity()
        self.mix = he(nn.Conv2d(last + style.minibatch_std, last, 3, 2), gain)
        self.before_head = ACTIVATIONS[style.activation].make()
        height, wide = ((side - 3) // 2 + 1 for side in sizes[-1])
        self.finish(plan, last * height * wide, outputs)

    def features(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        del y_B
        x = self.blocks[0](self.stem(packed(x_BCHW, self.pac)))
        for act, down, blocks in zip(self.before_downs, self.downs, self.blocks[1:], strict=True):
            x = blocks(down(act(x)))
        x = self.mix(self.compare(self.before_mix(x)))
        return self.before_head(x).flatten(1)
