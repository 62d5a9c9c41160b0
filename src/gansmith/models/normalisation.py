"""What may stand between a layer and its activation, and the norm of the weights themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.models.activations import ACTIVATIONS

Make = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Norm:
    """Builds the layer for a number of features or channels; None: it has no meaning there."""

    flat: Make | None  # (B, F)
    images: Make | None  # (B, C, H, W)
    centres: bool  # takes each channel's mean away, so that a bias before it would do nothing
    source: str


NORMS: dict[str, Norm] = {
    "none": Norm(None, None, False, "no normalisation"),
    "batch": Norm(nn.BatchNorm1d, nn.BatchNorm2d, True, "Ioffe and Szegedy 2015, algorithm 1"),
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
