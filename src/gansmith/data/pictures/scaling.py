"""Pictures with a hole at the size of a net and back, and which part of a picture to give it."""

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects, label

from gansmith.data.pictures.tiling import Box

_BLOCKS = 512  # parts of a hole are told apart on a grid of at most so many blocks to a side


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _array(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, C) at another (height, width), by Lanczos."""
    if pixels.shape[:2] == size:
        return pixels
    return _array(_image(pixels).resize((size[1], size[0]), Image.Resampling.LANCZOS))


def resized_around(
    pixels: np.ndarray, hole_HW: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its hole at another (height, width), nothing of the hole in what is known.

    Each pixel is the mean of the known ones under a triangle twice as wide as it (normalised
    convolution: Knutsson and Westin 1993), and is hole where less than half of them is known; or
    where that leaves nothing known or no hole, less than the most or all of them.
    """
    if pixels.shape[:2] == size:
        return pixels, hole_HW
    known = ~hole_HW
    wide = (size[1], size[0])
    way = Image.Resampling.BILINEAR
    share = np.asarray(_image(known.astype(np.uint8) * 255).resize(wide, way), np.float32) / 255
    seen = _array(_image(pixels * known[:, :, None]).resize(wide, way)).astype(np.float32)
    limit = min(0.5, share.max())
    hole = share < limit
    if not hole.any():  # it was smaller than a pixel
        hole = share == share.min()
    if hole.all():  # in a picture of one pixel
        hole = ~hole
    found = np.where(hole[:, :, None], 0.0, seen / np.maximum(share, limit)[:, :, None])
    return np.rint(found).clip(0, 255).astype(np.uint8), hole


def bounds(hole_HW: np.ndarray) -> Box:
    """The smallest box around the hole, which is not empty."""
    rows, columns = np.flatnonzero(hole_HW.any(1)), np.flatnonzero(hole_HW.any(0))
    top, left = int(rows[0]), int(columns[0])
    return Box(top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left)


def around(box: Box, size: tuple[int, int], least: int, times: float = 2.0) -> Box:
    """A box with its surroundings: ``times`` as long and at least ``least``, inside the picture."""
    top, height = _widened(box.top, box.height, size[0], least, times)
    left, width = _widened(box.left, box.width, size[1], least, times)
    return Box(top, left, height, width)


def _widened(start: int, length: int, end: int, least: int, times: float) -> tuple[int, int]:
    wanted = min(end, max(least, round(times * length)))
    return min(max(0, start - (wanted - length) // 2), end - wanted), wanted


def frame(box: Box, size: tuple[int, int], shape: tuple[int, int]) -> Box:
    """The largest part of a picture that has the sides' ratio of ``shape`` and holds the box.

    As near to the middle as it can. All of the picture where none can hold the box: what a net
    that makes whole pictures then sees is stretched.
    """
    height, width = size
    scale = min(height / shape[0], width / shape[1])
    tall, wide = min(height, round(shape[0] * scale)), min(width, round(shape[1] * scale))
    if box.height > tall or box.width > wide:
        return Box(0, 0, height, width)
    top = _near((height - tall) // 2, box.top + box.height - tall, box.top)
    left = _near((width - wide) // 2, box.left + box.width - wide, box.left)
    return Box(top, left, tall, wide)


def _near(middle: int, least: int, most: int) -> int:
    return max(least, min(middle, most))


def parts(hole_HW: np.ndarray) -> tuple[np.ndarray, int, list[Box]]:
    """The hole in connected parts, those that nearly touch being one.

    Returns:
        The number of each block's part, 0 where there is no hole; the side of a block in pixels;
        and the box around each part.
    """
    height, width = hole_HW.shape
    side = max(1, -(-max(height, width) // _BLOCKS))
    tall, wide = -(-height // side), -(-width // side)
    blocks = np.zeros((tall, wide), bool)
    for row in range(tall):  # a row of blocks at a time: no copy of the mask
        rows = hole_HW[row * side : (row + 1) * side].any(0)
        rows = np.pad(rows, (0, wide * side - width))
        blocks[row] = rows.reshape(wide, side).any(1)
    numbers, _ = label(blocks, np.ones((3, 3), int))
    found = []
    for rows, columns in find_objects(numbers):
        top, left = rows.start * side, columns.start * side
        inner = bounds(hole_HW[top : rows.stop * side, left : columns.stop * side])
        found.append(Box(top + inner.top, left + inner.left, inner.height, inner.width))
    return numbers, side, found


def of_parts(numbers: np.ndarray, side: int, chosen: np.ndarray, box: Box) -> np.ndarray:
    """Where in a box the blocks of chosen parts lie: boolean (h, w).

    Args:
        numbers, side: from `parts`.
        chosen: boolean, for every number of a part, and 0, whether it is meant.
        box: of the picture.
    """
    rows = np.arange(box.top, box.top + box.height) // side
    columns = np.arange(box.left, box.left + box.width) // side
    return chosen[numbers][rows][:, columns]
