"""Small parts that the families share: initialisation and shapes."""

import math

import torch
from torch import Tensor, nn

from gansmith.models.activations import HE_GAIN


def channels_last(x_BCHW: Tensor) -> Tensor:
    """The same tensor with its channels innermost in memory: what convolutions are fastest on."""
    return x_BCHW.contiguous(memory_format=torch.channels_last)


def he(layer: nn.Module, gain: float = HE_GAIN) -> nn.Module:
    """Draw a layer's weight from N(0, gain²/fan-in) and set its bias to zero.

    A transposed convolution of kernel k and stride s has the fan-in of the k²/s² taps that meet in
    an output pixel.
    """
    weight = layer.weight
    assert isinstance(weight, Tensor)
    if isinstance(layer, nn.ConvTranspose2d):
        taps = math.prod(layer.kernel_size) / math.prod(layer.stride)
        fan_in = weight.shape[0] * taps
    else:
        fan_in = weight[0].numel()
    nn.init.normal_(weight, 0.0, gain / math.sqrt(fan_in))
    if isinstance(layer.bias, Tensor):
        nn.init.zeros_(layer.bias)
    return layer


def stage_sizes(height: int, width: int, smallest: int = 7) -> list[tuple[int, int]]:
    """Sizes from the whole image down to its base, each half of the one before.

    Halving stops at an odd side, or when a side is at most ``smallest``: 28 → 14 → 7,
    32 → 16 → 8 → 4, 48×64 → 24×32 → 12×16 → 6×8.
    """
    sizes = [(height, width)]
    while height % 2 == 0 and width % 2 == 0 and min(height, width) > smallest:
        height, width = height // 2, width // 2
        sizes.append((height, width))
    return sizes
