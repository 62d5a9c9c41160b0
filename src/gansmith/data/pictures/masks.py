"""Masks: white is the hole."""

from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.decode import flatten, upright
from gansmith.data.pictures.reading import Unfit, opened

THRESHOLD = 128  # of 0 .. 255: what a JPEG does to black and white stays on its side of it


def read_mask(path: Path, invert: bool = False) -> np.ndarray:
    """The hole that a picture of any kind marks: boolean (H, W).

    White (128 of 255 and more) is the hole, or black with ``invert``. What is transparent is known
    either way, so that strokes on an empty layer are the hole.

    Raises:
        Unfit: naming the file, if it cannot be read.
    """
    image = upright(opened(path))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white" if invert else "black")
        paper.alpha_composite(image.convert("RGBA"))
        image = paper.convert("RGB")
    levels = np.asarray(flatten(image).convert("L"))
    return (levels < THRESHOLD) if invert else (levels >= THRESHOLD)


def check_hole(hole_HW: np.ndarray, size: tuple[int, int], mask: str, picture: str) -> None:
    """Refuse a mask that does not go with its picture, or leaves nothing to do or to go by.

    Args:
        hole_HW: what `read_mask` gave.
        size: (height, width) of the picture.
        mask, picture: their names.

    Raises:
        Unfit: naming both, if sizes differ, or the mask is all hole or all known.
    """
    if hole_HW.shape != size:
        ours, theirs = (f"{width}x{height}" for height, width in (hole_HW.shape, size))
        raise Unfit(
            f"{mask} is {ours} pixels (width x height) and {picture} is {theirs}: a mask has the "
            "size of its picture"
        )
    if not hole_HW.any():
        raise Unfit(
            f"{mask}: marks no hole, so there is nothing to fill: white is the hole (255, not 1), "
            "or black with --invert"
        )
    if hole_HW.all():
        raise Unfit(
            f"{mask}: all of it is the hole, so there is nothing to go by: white is the hole, "
            "or black with --invert"
        )
