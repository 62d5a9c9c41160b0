"""Holes in pictures: pure functions of a random generator; True is the hole.

Each kind makes holes of a given area to the pixel (but ``halves``), at any size. `MASKS` is the
table; `draw_masks` draws from a mixture of them.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gansmith.engine import seeded
from gansmith.errors import UserError, nearest

BLOCK = 64  # holes of a table that are drawn together
CORNERS = 6  # most corners of a stroke
STROKES = 3  # most strokes of one hole
TURN = 0.4  # of the picture's diagonal: the longest way from corner to corner
ASPECT = 2.0  # a box is at most so many times as wide as high, or as high as wide


def _uniform(low: float, high: float, size: tuple[int, ...], draw: torch.Generator) -> Tensor:
    return torch.rand(size, generator=draw) * (high - low) + low


def _counts(area_N: Tensor, height: int, width: int) -> Tensor:
    """Pixels in each hole: at least one is unknown, and at least one known."""
    pixels = height * width
    return (area_N * pixels).round().clamp(1, pixels - 1).long()


def _lowest(value_NHW: Tensor, count_N: Tensor) -> Tensor:
    """The pixels of the ``count`` lowest values of each picture."""
    flat = value_NHW.flatten(1)
    rank = flat.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    return (rank < count_N[:, None]).view_as(value_NHW)


def _to_segment(height: int, width: int, start_N2: Tensor, end_N2: Tensor) -> Tensor:
    """Squared distance of every pixel to the straight line between two points, (N, H, W)."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    sy, sx = (start_N2[:, i, None, None] for i in (0, 1))
    dy, dx = (end_N2[:, i, None, None] - s for i, s in ((0, sy), (1, sx)))
    along = ((y - sy) * dy + (x - sx) * dx) / (dy**2 + dx**2 + 1e-6)
    along = along.clamp(0.0, 1.0)
    return (y - sy - along * dy) ** 2 + (x - sx - along * dx) ** 2


def strokes(area_N: Tensor, height: int, width: int, draw: torch.Generator) -> Tensor:
    """One to three strokes with corners, so broad that they have the area.

    After the free-form masks of Yu et al. 2019, algorithm 1, whose brush has a width of its own:
    here the hole is the pixels nearest to the strokes, as many as the area asks for.
    """
    count = len(area_N)
    number_N = torch.randint(1, STROKES + 1, (count,), generator=draw)
    corners_N = torch.randint(2, CORNERS + 1, (count,), generator=draw)
    size = torch.tensor([height, width]).float()
    least = torch.full((count, height, width), torch.inf)
    reach = TURN * math.hypot(height, width)
    for stroke in range(STROKES):
        at = torch.rand(count, 2, generator=draw) * size
        for corner in range(CORNERS - 1):
            turn = _uniform(0.0, 2 * math.pi, (count,), draw)
            length = _uniform(0.1, 1.0, (count,), draw) * reach
            to = at + torch.stack([turn.sin(), turn.cos()], 1) * length[:, None]
            to = torch.minimum(to.clamp(min=0.0), size)
            there = (stroke < number_N) & (corner < corners_N - 1)
            away = _to_segment(height, width, at, to)
            least = torch.where(there[:, None, None], torch.minimum(least, away), least)
            at = to
    return _lowest(least, _counts(area_N, height, width))


def boxes(area_N: Tensor, height: int, width: int, draw: torch.Generator) -> Tensor:
    """One box somewhere in the picture; its area is that of whole rows and columns."""
    aspect_N = _uniform(-math.log(ASPECT), math.log(ASPECT), (len(area_N),), draw).exp()
    place_2N = torch.rand(2, len(area_N), generator=draw)
    wanted_N = area_N * height * width
    high_N = (wanted_N * aspect_N).sqrt()
    high_N = torch.maximum(high_N, wanted_N / width).round().clamp(1, height)
    wide_N = (wanted_N / high_N).round().clamp(1, width)
    wide_N = torch.where((high_N == height) & (wide_N == width), wide_N - 1, wide_N).clamp(min=1)
    top_N = (place_2N[0] * (height - high_N + 1)).floor()
    left_N = (place_2N[1] * (width - wide_N + 1)).floor()
    rows, columns = torch.arange(height), torch.arange(width)
    inside = [
        (at >= low[:, None]) & (at < (low + long)[:, None])
        for at, low, long in ((rows, top_N, high_N), (columns, left_N, wide_N))
    ]
    return inside[0][:, :, None] & inside[1][:, None, :]


def halves(area_N: Tensor, height: int, width: int, draw: torch.Generator) -> Tensor:
    """The upper, lower, left or right half, whatever the area."""
    side_N = torch.randint(4, (len(area_N),), generator=draw)
    rows = torch.arange(height)[:, None].expand(height, width) < height // 2
    columns = torch.arange(width).expand(height, width) < width // 2
    return torch.stack([rows, ~rows, columns, ~columns])[side_N]


def scattered(area_N: Tensor, height: int, width: int, draw: torch.Generator) -> Tensor:
    """Single pixels, anywhere."""
    value = torch.rand(len(area_N), height, width, generator=draw)
    return _lowest(value, _counts(area_N, height, width))


Kind = Callable[[Tensor, int, int, torch.Generator], Tensor]
MASKS: dict[str, Kind] = {
    "strokes": strokes,
    "boxes": boxes,
    "halves": halves,
    "scattered": scattered,
}


def shares(kinds: str) -> dict[str, float]:
    """``"boxes:3+halves"`` is three boxes to each half: the kinds and their shares, which sum to 1.

    Raises:
        UserError: for a kind that is not in `MASKS`, or if all shares are 0.
    """
    found: dict[str, float] = {}
    for part in kinds.split("+"):
        name, _, weight = part.partition(":")
        if name not in MASKS:
            known = ", ".join(MASKS)
            raise UserError(f"masks.kinds {name!r} is not known{nearest(name, MASKS)}; {known}")
        found[name] = found.get(name, 0.0) + float(weight or 1)
    total = sum(found.values())
    if not total:
        raise UserError(f"masks.kinds {kinds!r} gives every kind a share of 0")
    return {name: weight / total for name, weight in found.items()}


def draw_masks(
    kinds: str,
    area: tuple[float, float],
    count: int,
    height: int,
    width: int,
    draw: torch.Generator,
) -> Tensor:
    """Holes of a mixture: boolean (N, H, W), True in the hole.

    Args:
        kinds: see `shares`.
        area: the share of the picture in the hole is drawn evenly from low to high.
        count, height, width: how many, of which size.
        draw: all randomness.

    Raises:
        UserError: as `shares`.
    """
    mixture = shares(kinds)
    area_N = _uniform(*area, (count,), draw)
    chosen_N = torch.rand(count, generator=draw)
    edges = torch.tensor(list(mixture.values())).cumsum(0)[:-1]
    kind_N = torch.bucketize(chosen_N, edges, right=True)
    found = torch.zeros(count, height, width, dtype=torch.bool)
    for number, name in enumerate(mixture):
        here = kind_N == number
        if here.any():
            found[here] = MASKS[name](area_N[here], height, width, draw)
    return found


def indexed_masks(
    kinds: str,
    area: tuple[float, float],
    seed: int,
    start: int,
    count: int,
    height: int,
    width: int,
) -> Tensor:
    """Holes ``start .. start+count−1`` of an endless table, (N, H, W): by seed and index alone.

    Args: as `draw_masks`.
    """
    first, last = start // BLOCK, (start + count - 1) // BLOCK
    blocks = [
        draw_masks(kinds, area, BLOCK, height, width, seeded(seed, "mask-table", block))
        for block in range(first, last + 1)
    ]
    offset = start - first * BLOCK
    return torch.cat(blocks)[offset : offset + count]
