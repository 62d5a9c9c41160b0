"""A large picture made part by part: overlapping windows, faded into each other, few in memory."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def here(self) -> tuple[slice, slice]:
        """What an array (H, W, ...) is indexed by to get the part."""
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Made:
    """What was made of a window, (h, w, C), and how much it counts where others overlap it."""

    values: np.ndarray
    weight: float = 1.0


@dataclass(frozen=True)
class Band:
    """Finished rows of a mosaic.

    Attributes:
        top: of the first.
        values: float32 (h, W, C); 0 where nothing was made.
        made: boolean (h, W).
    """

    top: int
    values: np.ndarray
    made: np.ndarray


def starts(length: int, side: int, step: int) -> list[int]:
    """Where windows of ``side`` begin, ``step`` apart, the last one at the very end."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / step)
    return [min(index * step, length - side) for index in range(count + 1)]


def fade(side: int) -> np.ndarray:
    """sin²(π(i + ½)/side): 1 in the middle, nearly 0 at both ends; half-overlapped it sums to 1."""
    return (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2).astype(np.float32)


def ramp(start: int, side: int, length: int, rim: int, width: int) -> np.ndarray:
    """What counts of a window of a row: 0 in the rim, then up to 1 along sin², inner edges only.

    Two windows that overlap by 2 · rim + width sum to 1. At the ends of the picture there is no
    other window, and all of this one counts.

    Args:
        start: of the window, in pixels.
        side: of the window.
        length: of the picture.
        rim: pixels at an inner edge that are not to be seen.
        width: pixels of the fade.
    """
    place = np.arange(side) + 0.5
    inner = np.full(side, np.inf)
    if start > 0:
        inner = np.minimum(inner, place)
    if start + side < length:
        inner = np.minimum(inner, side - place)
    share = np.clip((inner - rim) / max(1, width), 0.0, 1.0)
    return (np.sin(0.5 * np.pi * share) ** 2).astype(np.float32)


def mosaic(
    size: tuple[int, int],
    side: int,
    step: int,
    channels: int,
    make: Callable[[list[Box]], list[Made | None]],
    rim: int | None = None,
) -> Iterator[Band]:
    """Finished rows of a picture whose windows ``make`` makes; where they overlap they fade.

    Memory: one row of windows, whatever the size of the picture.

    Args:
        size: (height, width) of the picture.
        side: of the windows; where the picture is smaller, so are they.
        step: from one window to the next, at most ``side``.
        channels: of what is made.
        make: from the windows of one row to what is made of each, or None for nothing.
        rim: pixels at the inner edges of windows that are left out, less than half of what they
            overlap; what is left of that is the fade (`ramp`). None fades over whole windows.
    """
    height, width = size
    tall, wide = min(side, height), min(side, width)
    tops, lefts = starts(height, tall, step), starts(width, wide, step)

    def along(start: int, own: int, length: int) -> np.ndarray:
        if rim is None:
            return fade(own)
        return ramp(start, own, length, rim, side - step - 2 * rim)

    sums = np.zeros((tall, width, channels), np.float32)
    shares = np.zeros((tall, width), np.float32)
    for row, top in enumerate(tops):
        boxes = [Box(top, left, tall, wide) for left in lefts]
        for box, made in zip(boxes, make(boxes), strict=True):
            if made is not None:
                rows = along(top, tall, height)
                share = made.weight * rows[:, None] * along(box.left, wide, width)
                columns = box.here[1]
                sums[:, columns] += share[:, :, None] * made.values
                shares[:, columns] += share
        done = tall if row + 1 == len(tops) else tops[row + 1] - top
        share = shares[:done]
        made_here = share > 0
        values = sums[:done] / np.where(made_here, share, 1.0)[:, :, None]
        yield Band(top, values, made_here)
        sums = np.concatenate([sums[done:], np.zeros((done, width, channels), np.float32)])
        shares = np.concatenate([shares[done:], np.zeros((done, width), np.float32)])
