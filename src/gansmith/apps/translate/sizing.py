"""A picture of any size through a net that looks so far: whole, or in windows without seams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gansmith.data.pictures import Picture
from gansmith.data.pictures.reading import in_channels
from gansmith.data.pictures.tiling import Box, Made, mosaic

# Of pictures uint8 (B, C_in, H, W), sides multiples of the stride, a seed, and the number of the
# output of each, to uint8 (B, C_out, H, W).
Make = Callable[[Tensor, int, Sequence[int]], Tensor]
PIXELS = 2**18  # that a net is given at a time
SIDE = 256  # of a window, or a little more
FARTHEST = 96  # pixels that are looked for, and left out at a window's edge
FADE = 16  # pixels
ALIKE = 2  # grey levels: outputs that differ by no more are taken as the same
CORE = 8  # pixels of the part that is watched
BLOB = 8  # pixels of the coarse half of the test picture


@dataclass(frozen=True)
class Windows:
    """How a picture is cut: `gansmith.data.pictures.tiling.mosaic` has the words."""

    side: int
    step: int
    rim: int | None


@dataclass(frozen=True)
class Way:
    """By what pictures are translated, and how they are cut.

    Attributes:
        make: see `Make`.
        channels: of its input, and of its output.
        stride: both sides of what it is given are multiples of it.
        windows: for pictures that are not given whole (`is_whole`).
        seed, number: of the noise.
    """

    make: Make
    channels: tuple[int, int]
    stride: int
    windows: Windows | None = None
    seed: int = 0
    number: int = 0


def windows_for(make: Make, channels: int, stride: int) -> Windows:
    """Windows that overlap as far as the net looks, and a fade more; of one that looks at all of a
    picture (by its normalisation, say) half of a window, faded all the way."""
    side = -(-SIDE // stride) * stride
    rim = reach(make, channels, stride)
    if rim is None:
        return Windows(side, max(stride, side // 2 // stride * stride), None)
    overlap = -(-(2 * rim + FADE) // stride) * stride
    side = max(side, 2 * overlap)
    return Windows(side, side - overlap, rim)


def reach(make: Make, channels: int, stride: int) -> int | None:
    """How far from a pixel the net looks, in whole strides; None if farther than `FARTHEST`.

    Measured, so that it holds for any net: the middle of a large picture is to come out as it does
    when the picture is cut off so far from it (to `ALIKE`, since far pixels that hardly count are
    not to be paid for: Luo et al. 2016 on effective receptive fields). The picture is noise, fine
    in one half and coarse in the other.
    """
    core = -(-CORE // stride) * stride
    most = -(-FARTHEST // stride) * stride
    whole = _noise(channels, core + 4 * most)
    middle = 2 * most
    kept = _part(make(whole, 0, [0]), middle, core)
    found = None
    for far in range(most, 0, -stride):
        cut = _part(whole, middle - far, core + 2 * far)
        apart = (_part(make(cut, 0, [0]), far, core).int() - kept.int()).abs().max()
        if int(apart) > ALIKE:
            break
        found = far
    return found


def _noise(channels: int, side: int) -> Tensor:
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 256, (channels, side, side), dtype=np.uint8)
    coarse = rng.integers(0, 256, (channels, -(-side // BLOB), -(-side // BLOB)), dtype=np.uint8)
    coarse = coarse.repeat(BLOB, 1).repeat(BLOB, 2)[:, :side, :side]
    fine[:, :, : side // 2] = coarse[:, :, : side // 2]
    return torch.from_numpy(fine)[None]


def _part(x_BCHW: Tensor, start: int, length: int) -> Tensor:
    return x_BCHW[:, :, start : start + length, start : start + length]


def is_whole(size: tuple[int, int], stride: int) -> bool:
    """Whether a picture of this height and width goes through the net in one piece."""
    height, width = _extended(size, stride)
    return height * width <= PIXELS


def _extended(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-size[0] // stride) * stride, -(-size[1] // stride) * stride


def translated(
    way: Way, picture: Picture, told: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """What is made of a picture: uint8 (H, W, C_out).

    Args:
        way: how.
        picture: of any size. Of what is transparent, the net sees white.
        told: is told how many of its rows are finished, of how many.
    """
    height, width = picture.size
    size = _extended(picture.size, way.stride)
    if is_whole(picture.size, way.stride):
        side = step = max(size)
        rim = None
    else:
        assert way.windows is not None, "a large picture needs windows"
        side, step, rim = way.windows.side, way.windows.step, way.windows.rim
    out = np.empty((height, width, way.channels[1]), np.uint8)
    make = partial(_windows, way, picture)
    for band in mosaic(size, side, step, way.channels[1], make, rim):
        end = min(height, band.top + len(band.values))
        values = np.rint(band.values[: end - band.top, :width])
        out[band.top : end] = values.clip(0, 255)
        if told:
            told(end, height)
    return out


def _windows(way: Way, picture: Picture, boxes: list[Box]) -> list[Made | None]:
    """What is made of the windows of a row, as many at a time as memory is to hold."""
    most = max(1, PIXELS // (boxes[0].height * boxes[0].width))
    made: list[Made | None] = []
    for first in range(0, len(boxes), most):
        part = boxes[first : first + most]
        x = np.stack([_seen(way, picture, box) for box in part])
        out = way.make(torch.from_numpy(x).permute(0, 3, 1, 2), way.seed, [way.number] * len(part))
        made += [Made(each) for each in out.permute(0, 2, 3, 1).numpy()]
    return made


def _seen(way: Way, picture: Picture, box: Box) -> np.ndarray:
    """A window as the net sees it, mirrored where it is longer than the picture."""
    alpha = None if picture.alpha is None else picture.alpha[box.here]
    part = Picture(picture.pixels[box.here], alpha).seen()
    more = ((0, box.height - part.shape[0]), (0, box.width - part.shape[1]), (0, 0))
    return np.pad(in_channels(part, way.channels[0]), more, mode="symmetric")
