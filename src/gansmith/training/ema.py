"""The generator's moving average: the weights that samples are drawn from."""

import copy

import torch
from torch import nn

from gansmith.engine import own


def follower(net: nn.Module) -> nn.Module:
    """A copy of the net that never asks for gradients, to be moved by `update`."""
    average = copy.deepcopy(net).eval()
    average.requires_grad_(False)
    return average


@torch.no_grad()
def update(average: nn.Module, net: nn.Module, decay: float) -> None:
    """θ_ema ← decay·θ_ema + (1 − decay)·θ; buffers (running statistics) are copied."""
    torch._foreach_lerp_(own(average.parameters()), own(net.parameters()), 1.0 - decay)
    for mine, theirs in zip(average.buffers(), net.buffers(), strict=True):
        mine.copy_(theirs)
