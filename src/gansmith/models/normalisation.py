"""What may stand between a layer and its activation, and the norm of the weights themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.engine import mean_of_ranks, world
from gansmith.models.activations import ACTIVATIONS

Make = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Norm:
    """Builds the layer for a number of features or channels; None: it has no meaning there."""

    flat: Make | None  # (B, F)
    images: Make | None  # (B, C, H, W)
    centres: bool  # takes each channel's mean away, so that a bias before it would do nothing
    source: str


def moments(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance (divided by n, not n − 1) over some dimensions of a batch on all ranks."""
    if world() == 1:
        variance, mean = torch.var_mean(x, dims, correction=0)
        return mean, variance
    mean = mean_of_ranks(x.mean(dims, keepdim=True))
    variance = mean_of_ranks((x - mean).square().mean(dims))
    return mean.reshape(variance.shape), variance


class _OverRanks(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation by the statistics of the whole batch, wherever its samples are.

    One process leaves it to torch. ``torch.nn.SyncBatchNorm`` knows neither CPUs nor the second
    derivatives that a gradient penalty takes.
    """

    def forward(self, x: Tensor) -> Tensor:
        if world() == 1 or not self.training:
            return super().forward(x)
        dims = (0, *range(2, x.ndim))
        like = (1, -1, *[1] * (x.ndim - 2))
        mean, variance = moments(x.float(), dims)
        self._remember(mean, variance, x.numel() // x.shape[1] * world())
        out = (x - mean.view(like)) * (variance.view(like) + self.eps).rsqrt()
        return (out * self.weight.view(like) + self.bias.view(like)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean_C: Tensor, variance_C: Tensor, count: int) -> None:
        """Move the running averages as torch does: by the unbiased variance."""
        assert self.momentum is not None, "torch's own default is 0.1"
        assert isinstance(self.running_mean, Tensor)
        assert isinstance(self.running_var, Tensor)
        assert isinstance(self.num_batches_tracked, Tensor)
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(variance_C * count / (count - 1), self.momentum)


class BatchNorm1d(_OverRanks, nn.BatchNorm1d):
    """Of (B, F)."""


class BatchNorm2d(_OverRanks, nn.BatchNorm2d):
    """Of (B, C, H, W)."""


NORMS: dict[str, Norm] = {
    "none": Norm(None, None, False, "no normalisation"),
    "batch": Norm(BatchNorm1d, BatchNorm2d, True, "Ioffe and Szegedy 2015, algorithm 1"),
    # Over C, H and W of each image: one group of all its channels.
    "layer": Norm(nn.LayerNorm, partial(nn.GroupNorm, 1), False, "Ba et al. 2016, equation (3)"),
    # Over H and W of each channel; a channel of one value would become 0.
    "instance": Norm(
        None, partial(nn.InstanceNorm2d, affine=True), True, "Ulyanov et al. 2016, equation (1)"
    ),
}


def nonlinear(norm: str, activation: str, features: int, flat: bool = False) -> list[nn.Module]:
    """The modules of normalisation, where there is one, and activation.

    Args:
        norm: a name in `NORMS`.
        activation: a name in `ACTIVATIONS`.
        features: how many features or channels come in.
        flat: whether (B, F) comes in, not (B, C, H, W).

    Raises:
        ValueError: for a normalisation that has no meaning on (B, F).
    """
    chosen = NORMS[norm]
    make = chosen.flat if flat else chosen.images
    if make is None and norm != "none":
        raise ValueError(f"norm {norm!r} needs images")
    return [*([make(features)] if make else []), ACTIVATIONS[activation].make()]


def normalise_weights(net: nn.Module) -> None:
    """Divide the weight of every linear layer and convolution by its largest singular value.

    Miyato et al. 2018, equations (8) and (9), by one power iteration each time that the weight is
    used in training; of a convolution it is the singular value of the weight as a matrix (output
    channels, all else), as in their section 3. In evaluation the last iterate is used as it is.
    The two singular vectors are buffers: saved, restored and copied to the average with the net.
    A weight of zeros has no such quotient: draw it otherwise.
    """
    for module in list(net.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(module)
