"""How images become what a net expects: the checks, the channels and the size."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.errors import UserError

SIDE = 28
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"


def check_images(images: Tensor) -> None:
    """Let pass what is uint8 BCHW with 1 or 3 channels.

    Raises:
        UserError: saying what it is, otherwise.
    """
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or images.ndim != 4 or 0 in shape[1:]:
        kind = str(images.dtype).removeprefix("torch.")
        raise UserError(
            f"features: expected uint8 images of shape (B, C, H, W), got {kind} of shape {shape}"
        )
    if shape[1] not in (1, 3):
        raise UserError(
            f"features: images have {shape[1]} channels; convert them to grey (1) or RGB (3)"
        )


def to_rgb(images: Tensor) -> Tensor:
    """uint8 BCHW, grey or RGB, to uint8 B3HW; grey is repeated.

    Raises:
        UserError: as `check_images`.
    """
    check_images(images)
    return images.expand(-1, 3, -1, -1)


def to_rgb_side(images: Tensor, side: int | None, mode: str = "bicubic") -> Tensor:
    """uint8 BCHW, grey or RGB, to float32 B3SS in [0, 1], by antialiased interpolation.

    Values that bicubic interpolation throws beyond [0, 1] at edges are clamped, as Pillow does.
    An image of that size (or any, when ``side`` is None) passes unchanged.

    Raises:
        UserError: as `check_images`.
    """
    x = to_rgb(images).float() / 255
    if side is not None and x.shape[2:] != (side, side):
        x = F.interpolate(x, (side, side), mode=mode, antialias=True).clamp(0, 1)
    return x


def to_grey_28(images: Tensor) -> Tensor:
    """uint8 BCHW of any size, grey or RGB, to float32 B1HW in [0, 1], 28x28.

    RGB becomes grey by ITU-R BT.601 luma, then the image is stretched to 28x28 by antialiased
    bilinear interpolation in float32 (Parmar et al. 2022 show why antialiasing matters). A grey
    28x28 image passes unchanged.

    Raises:
        UserError: as `check_images`.
    """
    check_images(images)
    x = images.float() / 255
    if x.shape[1] == 3:
        x = (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    if x.shape[2:] != (SIDE, SIDE):
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
    return x.contiguous()
