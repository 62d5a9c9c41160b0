"""Resolution and channels, decided from what the images are, with the reason in words."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gansmith.data.decode import Look, Plan
from gansmith.data.info import Wish

# base * 2^k with a base of 2 to 7: what every model family can build (powers of two times a base)
SIDES = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)
# sizes to choose from when pictures must be resampled anyway
CHOICES = (8, 12, 16, 20, 24, 28, 32, 48, 64, 96, 128, 256)


@dataclass(frozen=True)
class Survey:
    """A sample of the images: how many were looked at, their size, and whether all are grey."""

    looked: int
    shorter: int  # median of the shorter side
    height: int  # of all, 0 when they differ
    width: int
    grey: bool

    def to_tree(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: object) -> "Survey | None":
        """The inverse of `to_tree`; ``None`` for anything else."""
        try:
            return cls(**tree) if isinstance(tree, dict) else None
        except TypeError:
            return None


def survey(looks: Sequence[Look]) -> Survey:
    """Sum up at least one `Look`."""
    sizes = {(look.height, look.width) for look in looks}
    height, width = next(iter(sizes)) if len(sizes) == 1 else (0, 0)
    shorter = int(np.median([min(look.height, look.width) for look in looks]))
    return Survey(len(looks), shorter, height, width, all(look.grey for look in looks))


def decide(seen: Survey, wish: Wish) -> tuple[Plan, tuple[str, ...]]:
    """The plan for these images, and why, one sentence per decision."""
    notes = []
    if wish.resolution is not None:
        height, width = wish.resolution
    elif seen.height in SIDES and seen.width in SIDES:
        height, width = seen.height, seen.width
        notes.append(f"resolution {height}x{width}: the images' own")
    else:
        side = max([side for side in CHOICES if side <= seen.shorter], default=CHOICES[0])
        height = width = side
        said = "is" if seen.height else "has a median of"
        notes.append(
            f"resolution {side}x{side}: the shorter side {said} {seen.shorter} px "
            f"({seen.looked:,} looked at; crop {wish.crop})"
        )
    if wish.channels is not None:
        channels = wish.channels
    else:
        channels = 1 if seen.grey else 3
        what = "every image looked at is grey" if seen.grey else "there is colour"
        notes.append(f"channels {channels}: {what}")
    return Plan(height, width, channels, wish.crop), tuple(notes)
