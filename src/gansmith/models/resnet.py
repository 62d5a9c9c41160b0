"""The default: small nets without normalisation, after R3GAN (Huang et al. 2024).

What is kept of the paper: no normalisation anywhere, LeakyReLU 0.2, residual branches whose last
convolution starts at zero, bilinear growth in G, one linear layer at either end. What is moved, by
measurement on two CPU cores (docs/performance.md): G carries the residual blocks, D does without
until ``depth`` is 2, and D halves the image at once, because a penalised step runs D many times.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from gansmith.models.conditioning import ClassEmbedding, Projection
from gansmith.models.layers import act, channels_last, he, stage_sizes

MAX_WIDENING = 8  # channels grow with depth to at most this many times the width


def _channels(width: int, stages: int) -> list[int]:
    """Channels from the whole image down to the base: width, 2·width, 4·width, ..."""
    return [width * min(2**stage, MAX_WIDENING) for stage in range(stages)]


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), the identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = he(nn.Conv2d(channels, channels, 3, padding=1))
        self.last = he(nn.Conv2d(channels, channels, 3, padding=1), gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(act(self.first(act(x))))


def _blocks(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock(channels) for _ in range(depth)])


class ResnetGenerator(nn.Module):
    """z → dense base → (residual blocks, 1×1, bilinear ×2) per size → blocks → image (C, H, W).

    Growing bilinearly matters more than any other choice here: with transposed convolutions of the
    same cost D rejects the texture of the early samples and learning stalls.
    """

    def __init__(
        self, shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int
    ) -> None:
        super().__init__()
        sizes = stage_sizes(shape[1], shape[2])
        channels = _channels(width, len(sizes))[::-1]
        self.embed = ClassEmbedding(classes, z_dim)
        self.base = (channels[0], *sizes[-1])
        area = sizes[-1][0] * sizes[-1][1]
        self.dense = he(nn.Linear(self.embed.outputs, channels[0] * area), gain=1.0)
        self.blocks = nn.ModuleList(_blocks(c, depth) for c in channels)
        self.narrow = nn.ModuleList(
            he(nn.Conv2d(before, after, 1), gain=1.0) for before, after in pairwise(channels)
        )
        self.out = he(nn.Conv2d(channels[-1], shape[0], 3, padding=1), gain=1.0)

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        x = channels_last(self.dense(self.embed(z_BZ, y_B)).view(-1, *self.base))
        for blocks, narrow in zip(self.blocks[:-1], self.narrow, strict=True):
            x = interpolate(narrow(blocks(x)), scale_factor=2, mode="bilinear")
        return self.out(act(self.blocks[-1](x)))


class ResnetDiscriminator(nn.Module):
    """Image → (4×4 convolution of stride 2, residual blocks) per size → logit, shape (B,)."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int, classes: int) -> None:
        super().__init__()
        sizes = stage_sizes(shape[1], shape[2])
        channels = _channels(width, len(sizes))
        self.stem = he(nn.Conv2d(shape[0], channels[1], 4, 2, 1), gain=1.0)
        self.blocks = nn.ModuleList(_blocks(c, depth - 1) for c in channels[1:])
        self.downs = nn.ModuleList(
            he(nn.Conv2d(before, after, 4, 2, 1)) for before, after in pairwise(channels[1:])
        )
        last = channels[-1]
        self.mix = he(nn.Conv2d(last, last, 3, 2))
        height, wide = ((side - 3) // 2 + 1 for side in sizes[-1])
        self.head = Projection(classes, last * height * wide)

    def forward(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        x = self.blocks[0](self.stem(x_BCHW))
        for down, blocks in zip(self.downs, self.blocks[1:], strict=True):
            x = blocks(down(act(x)))
        return self.head(act(self.mix(act(x))).flatten(1), y_B)


def resnet(
    shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int = 0
) -> tuple[nn.Module, nn.Module]:
    """The pair: ``width`` channels at full size, twice as many at each half of it.

    Args:
        shape: (C, H, W) with sides that are multiples of 4, from 8 to 256; H and W may differ.
        depth: residual blocks at each size, in G; D has one less.
    """
    return (
        ResnetGenerator(shape, z_dim, width, depth, classes),
        ResnetDiscriminator(shape, width, depth, classes),
    )
