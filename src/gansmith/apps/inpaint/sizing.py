"""A picture of any size filled by a net that knows one: in windows, or made smaller.

Whatever the way, what is written is written into the hole only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from gansmith.apps.inpaint.fillers import Filler
from gansmith.data.pictures.blending import Blend
from gansmith.data.pictures.reading import in_channels
from gansmith.data.pictures.scaling import (
    around,
    bounds,
    frame,
    of_parts,
    parts,
    resized,
    resized_around,
)
from gansmith.data.pictures.tiling import Box, Made, mosaic
from gansmith.errors import UserError, nearest

SIZES = ("auto", "resize", "tile")
LEAST_KNOWN = 0.1  # of a window: one that sees less of the picture makes nothing
LARGE = 0.5  # of a window's side: larger holes leave too little around them


@dataclass(frozen=True)
class Way:
    """How holes are filled: by what, which filling of a seed, blended and brought to size how."""

    filler: Filler
    blend: Blend
    size: str = "auto"
    seed: int = 0
    filling: int = 0


def check_size(name: str, filler: Filler) -> None:
    """Refuse a way to bring pictures to size that is none, or that this filler does not know.

    Raises:
        UserError: naming the ways there are.
    """
    if name not in SIZES:
        hint = nearest(name, SIZES) or f": use one of {', '.join(SIZES)}"
        raise UserError(f"size {name!r} is not known{hint}")
    if name == "tile" and not filler.stride:
        height, width = filler.shape[1:]
        raise UserError(
            f"--size tile needs a run of a completion net: this generator makes whole pictures of "
            f"{width}x{height}; use --size resize"
        )


def fill(way: Way, pictures: Sequence[np.ndarray], holes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pictures with their holes filled; known pixels as they were, to the bit.

    Args:
        way: how.
        pictures: uint8 (H, W, 1 or 3), each of its own size. What the hole shows plays no part.
        holes: boolean (H, W), neither empty nor all of the picture.
    """
    if not way.filler.stride:
        return _as_wholes(way, pictures, holes)
    pairs = zip(pictures, holes, strict=True)
    return [_by_windows(way, pixels, hole) for pixels, hole in pairs]


# --- a net that makes whole pictures of one size


def _as_wholes(
    way: Way, pictures: Sequence[np.ndarray], holes: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """All at once: each with the largest frame of the net's ratio that holds its hole."""
    shape = way.filler.shape[1:]
    boxes = [_framed(hole, shape) for hole in holes]
    small = [
        resized_around(in_channels(pixels[box.here], way.filler.shape[0]), hole[box.here], shape)
        for pixels, hole, box in zip(pictures, holes, boxes, strict=True)
    ]
    made = _make(way, [x for x, _ in small], [hole for _, hole in small])
    filled = []
    for index, (pixels, hole, box) in enumerate(zip(pictures, holes, boxes, strict=True)):
        out = pixels.copy()
        done = way.blend(made[index], *small[index])
        _lay(out[box.here], hole[box.here], resized(done, (box.height, box.width)))
        filled.append(out)
    return filled


def _framed(hole: np.ndarray, shape: tuple[int, int]) -> Box:
    size = (hole.shape[0], hole.shape[1])
    box = frame(bounds(hole), size, shape)
    return Box(0, 0, *size) if hole[box.here].all() else box


def _lay(part: np.ndarray, target: np.ndarray, filled: np.ndarray) -> None:
    """Write a filling of the same size, of any channels, into what of a part is to be filled."""
    part[target] = in_channels(filled, part.shape[2])[target]


# --- a net of any size


def _by_windows(way: Way, pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Small holes in windows at full size; large ones in a part of the picture made smaller.

    The large ones first: to the windows they are known.
    """
    out = pixels.copy()
    side = way.filler.side
    whole = bounds(hole)
    if way.size == "resize":
        _scaled(way, out, hole, whole, hole[whole.here])
        return out
    if way.size == "tile" or max(hole.shape) <= side:
        _tiled(way, out, hole)
        return out
    numbers, block, boxes = parts(hole)
    large = [max(box.height, box.width) > LARGE * side for box in boxes]
    for index, box in enumerate(boxes):
        if large[index]:
            chosen = np.arange(len(boxes) + 1) == index + 1
            _scaled(way, out, hole, box, hole[box.here] & of_parts(numbers, block, chosen, box))
    if not all(large):
        small = ~np.array([True, *large])
        _tiled(way, out, hole & of_parts(numbers, block, small, Box(0, 0, *hole.shape)))
    return out


def _scaled(way: Way, out: np.ndarray, hole: np.ndarray, part: Box, target: np.ndarray) -> None:
    """Fill ``target``, in a part of the picture, from its surroundings at the size the net knows.

    Args:
        hole: boolean, of the picture: what is not to be gone by.
        target: boolean, of the part: what of the hole is to be filled.
    """
    size, side = (hole.shape[0], hole.shape[1]), way.filler.side
    box = around(part, size, side)
    while hole[box.here].all():  # a part that touches others: look further
        box = around(box, size, side)
    scale = min(1.0, side / max(box.height, box.width))
    small = (max(1, round(box.height * scale)), max(1, round(box.width * scale)))
    x, gap = resized_around(in_channels(out[box.here], way.filler.shape[0]), hole[box.here], small)
    filled = way.blend(_make(way, [x], [gap])[0], x, gap)
    inner = Box(part.top - box.top, part.left - box.left, part.height, part.width)
    _lay(out[part.here], target, resized(filled, (box.height, box.width))[inner.here])


def _tiled(way: Way, out: np.ndarray, hole: np.ndarray) -> None:
    """Fill the hole in half-overlapping windows; what no window could see, from further away."""
    side, size = way.filler.side, (hole.shape[0], hole.shape[1])
    channels = way.filler.shape[0]
    left = np.zeros(0)
    for band in mosaic(size, side, side // 2, channels, partial(_windows, way, out, hole)):
        rows = slice(band.top, band.top + len(band.values))
        where = hole[rows] & band.made
        values = np.rint(band.values).clip(0, 255).astype(np.uint8)
        # A window further down sees these rows too, but not what its own hole shows.
        _lay(out[rows], where, values)
        missed = hole[rows] & ~band.made
        if missed.any():
            left = left if left.size else np.zeros_like(hole)
            left[rows] = missed
    if left.size:
        far = bounds(left)
        _scaled(way, out, hole, far, left[far.here])


def _windows(way: Way, pixels: np.ndarray, hole: np.ndarray, boxes: list[Box]) -> list[Made | None]:
    """What is made of those windows of a row that have a hole, and enough around it."""
    made: list[Made | None] = [None] * len(boxes)
    if not hole[boxes[0].here[0]].any():  # of a large picture nearly every row
        return made
    known = [1.0 - float(hole[box.here].mean()) for box in boxes]
    # All that is known of a small picture is in its one window, however little it is.
    least = 0.0 if len(boxes) == 1 else LEAST_KNOWN
    chosen = [i for i, share in enumerate(known) if least <= share < 1.0 and share > 0.0]
    if not chosen:
        return made
    xs = [in_channels(pixels[boxes[i].here], way.filler.shape[0]) for i in chosen]
    gaps = [hole[boxes[i].here] for i in chosen]
    for i, values, x, gap in zip(chosen, _make(way, xs, gaps), xs, gaps, strict=True):
        made[i] = Made(way.blend(values, x, gap).astype(np.float32), known[i])
    return made


def _make(way: Way, xs: list[np.ndarray], gaps: list[np.ndarray]) -> list[np.ndarray]:
    """What the net makes of pictures of one size: whole pictures, uint8 (h, w, C).

    Sides are padded to multiples of its stride by mirroring picture and hole alike.
    """
    height, width = gaps[0].shape
    stride = way.filler.stride or 1
    more = ((0, -height % stride), (0, -width % stride))
    x = np.stack([np.pad(each, (*more, (0, 0)), mode="symmetric") for each in xs])
    gap = np.stack([np.pad(each, more, mode="symmetric") for each in gaps])
    made = way.filler.make(
        torch.from_numpy(x).permute(0, 3, 1, 2),
        torch.from_numpy(gap),
        way.seed,
        [way.filling] * len(xs),
    )
    return list(made.permute(0, 2, 3, 1).numpy()[:, :height, :width])
