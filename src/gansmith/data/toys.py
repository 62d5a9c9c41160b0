"""Two-dimensional mixtures of Gaussians, on which mode collapse can be counted.

Both are the mixtures of the PacGAN protocol (Lin et al. 2018): a ring of 8 modes on the unit circle
with sigma 0.01, and a 5 x 5 grid at {-4, -2, 0, 2, 4} squared with sigma 0.05.
"""

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gansmith.data.info import DataInfo, Wish, chosen, rows_of
from gansmith.errors import UserError

Modes = tuple[tuple[float, ...], ...]
COUNT = 100_000
_SEEDS = {"train": (0,), "test": (1,), "all": (0, 1)}


def ring_modes() -> Modes:
    """Eight centres on the unit circle."""
    return tuple((math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8))


def grid_modes() -> Modes:
    """Twenty-five centres, 2 apart."""
    line = (-4.0, -2.0, 0.0, 2.0, 4.0)
    return tuple((x, y) for x in line for y in line)


TOYS: dict[str, tuple[Callable[[], Modes], float]] = {
    "ring": (ring_modes, 0.01),
    "grid": (grid_modes, 0.05),
}


class Points:
    """A 2-D mixture as a `Dataset`: float32 points, labels the number of the mode."""

    def __init__(self, info: DataInfo, points: np.ndarray, labels: np.ndarray) -> None:
        self.info = info
        self._points = points
        self._labels = labels

    def __len__(self) -> int:
        return len(self._points)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Dataset.batch`: float32 N2 and int64 N.

        Raises:
            IndexError: if an index is not in 0 to len - 1.
        """
        rows = rows_of(indices, len(self))
        return torch.from_numpy(self._points[rows]), torch.from_numpy(self._labels[rows])


def open_toy(name: str, wish: Wish) -> Points:
    """100,000 points of a toy from a fixed seed; the test split has another.

    Raises:
        UserError: if a resolution or channels are asked for.
    """
    if wish.resolution is not None or wish.channels is not None:
        raise UserError(f"{name}: 2-D points have no resolution and no channels; leave them out")
    make, sigma = TOYS[name]
    modes = make()
    centres = np.array(modes)
    points, labels = [], []
    for seed in _SEEDS[wish.split]:
        rng = np.random.default_rng(seed)
        which = rng.integers(len(modes), size=COUNT)
        noise = rng.standard_normal((COUNT, 2))
        points.append((centres[which] + sigma * noise).astype(np.float32))
        labels.append(which)
    all_points, all_labels = np.concatenate(points), np.concatenate(labels)
    rows = chosen(len(all_points), wish.limit)
    if rows is not None:
        all_points, all_labels = all_points[rows], all_labels[rows]
    if not wish.labels:
        all_labels = np.zeros_like(all_labels)
    info = DataInfo(
        source=name,
        kind="points",
        count=len(all_points),
        shape=(2,),
        classes=tuple(str(i) for i in range(len(modes))) if wish.labels else (),
        digest=hashlib.sha256(all_points.tobytes() + all_labels.tobytes()).hexdigest()[:16],
        notes=(f"{len(modes)} Gaussian modes, sigma {sigma:g}, {wish.split} split",),
        modes=modes,
        sigma=sigma,
    )
    return Points(info, all_points, all_labels)
