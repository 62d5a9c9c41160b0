"""What a data set is to the rest of the house: a protocol, its description, and a wish."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from gansmith.errors import UserError, nearest

Progress = Callable[[str, int, int], None]  # label, done, total
CROPS = ("center", "stretch", "pad")
SPLITS = ("train", "test", "all")


@dataclass(frozen=True)
class DataInfo:
    """A data set in words and numbers.

    ``shape`` is (C, H, W) of images and (2,) of points. ``digest`` identifies the content and how
    it was decoded; it is empty where `describe` has not read the content. ``notes`` say, in plain
    words, what was decided from the data and what was skipped. ``modes`` and ``sigma`` are the
    centres and the spread of a toy mixture. Of samples that are two pictures, one behind the
    other on the channel axis, the first ``given`` channels are the one that is to become the other;
    ``sides`` says of each, the given one first, how many pictures there are and in which (C, H, W)
    it would be taken alone: (count, C, H, W).
    """

    source: str
    kind: str
    count: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str
    notes: tuple[str, ...]
    modes: tuple[tuple[float, ...], ...] = ()
    sigma: float = 0.0
    given: int = 0
    sides: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def fewest(self) -> int:
        """The number of samples; of two sides without pairs, that of the shorter one.

        The shorter one comes again until the longer one ends: its pictures are no more for that.
        """
        return min((side[0] for side in self.sides), default=self.count)


class Dataset(Protocol):
    """Samples by index. Data that lie in shards are also `gansmith.data.ReadAhead`."""

    info: DataInfo

    def __len__(self) -> int: ...

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Samples and labels of ``indices`` (N integers).

        Returns:
            uint8 NCHW images in [0, 255] or float32 N2 points, and N int64 labels, which are 0
            when the set is opened without labels.
        """
        ...


@dataclass(frozen=True)
class SourceDescription:
    """One line of ``gansmith data``: a named source and whether it can be opened now."""

    name: str
    kind: str
    shape: tuple[int, ...]
    count: int
    ready: bool
    about: str
    licence: str
    how: str


@dataclass(frozen=True)
class Wish:
    """What the caller of `open_data` asked for; ``None`` leaves the choice to the data."""

    resolution: tuple[int, int] | None = None
    channels: int | None = None
    crop: str = "center"
    labels: bool = False
    split: str = "train"
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise UserError(
                f"crop {self.crop!r} is not known{nearest(str(self.crop), CROPS)}; "
                "choose center, stretch or pad"
            )
        if self.split not in SPLITS:
            raise UserError(
                f"split {self.split!r} is not known{nearest(str(self.split), SPLITS)}; "
                "choose train, test or all"
            )
        if self.channels not in (None, 1, 3):
            raise UserError(f"channels {self.channels} is not supported: choose 1 or 3")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"limit {self.limit} leaves no data: it must be at least 1")
        if self.resolution is not None:
            for side in self.resolution:
                if not 1 <= side <= 4096:
                    raise UserError(f"resolution {side} is not supported: sides are 1 to 4096")


def rows_of(indices: np.ndarray, count: int) -> np.ndarray:
    """The indices that a `Dataset.batch` of so many samples is asked for, int64 (N,).

    Raises:
        IndexError: if one is not in 0 to count - 1.
    """
    rows = np.asarray(indices, dtype=np.int64).reshape(-1)
    if rows.size and (rows.min() < 0 or rows.max() >= count):
        raise IndexError(f"indices must be in 0 to {count - 1}")
    return rows


def chosen(count: int, limit: int | None) -> np.ndarray | None:
    """Which rows a limit keeps: a fixed pseudo-random subset in order, ``None`` for all.

    A subset drawn at random keeps the classes of a sorted set in proportion; the first rows would
    not.
    """
    if limit is None or limit >= count:
        return None
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


def shown(names: list[str] | tuple[str, ...], most: int = 3) -> str:
    """The first names of a list on one line, whatever characters they hold."""
    first = [
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
        for name in names[:most]
    ]
    return ", ".join(first) + (", ..." if len(names) > most else "")
