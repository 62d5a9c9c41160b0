"""StackedMNIST: three digits in the colour channels of one image, so that classes can be counted.

The protocol of Metz et al. 2017 (Unrolled GANs) and Lin et al. 2018 (PacGAN): digits drawn evenly,
1,000 classes. No image is stored: sample i says which three of
the built-in digits it is made of.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansmith.data.arrays import Stack, describe_stack, open_stack
from gansmith.data.cache import digest_of
from gansmith.data.idx import idx_folder_stack
from gansmith.data.info import DataInfo, Dataset, Progress, Wish, chosen, rows_of
from gansmith.errors import UserError

ASSETS = Path(__file__).resolve().parents[1] / "assets"
DIGITS = "digits"
STACKED = "stacked-mnist"
COUNTS = {"train": 128_000, "test": 26_000}  # to learn from, and as many as are scored: PacGAN
SEEDS = {"train": 0, "test": 2**63}  # as far apart as two can be: they share no word
SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}
CLASSES = tuple(f"{number:03d}" for number in range(1000))  # red, green and blue digit


def digits_stack(split: str) -> Stack:
    """The built-in digits, all of MNIST, as they are shipped."""
    return idx_folder_stack(ASSETS, DIGITS, split)


def stacked_rows(split: str, indices: np.ndarray, digits: int) -> np.ndarray:
    """Which digits the samples of these numbers are made of: int64 (N, 3), each in [0, digits).

    Sample i takes words 3i, 3i+1 and 3i+2 of SplitMix64 (Steele, Lea and Flood 2014), whose word n
    is a function of n alone; the seed is the split's. The modulus favours no digit by more than
    2^-48.
    """
    U = np.uint64
    place = U(3) * np.asarray(indices, dtype=U)[:, None] + np.arange(1, 4, dtype=U)
    word: np.ndarray = U(SEEDS[split]) + place * U(0x9E3779B97F4A7C15)
    word = (word ^ (word >> U(30))) * U(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> U(27))) * U(0x94D049BB133111EB)
    return ((word ^ (word >> U(31))) % U(digits)).astype(np.int64)


@dataclass(frozen=True)
class _Part:
    """One split: its digits, and how many samples are made of them."""

    split: str
    digits: Dataset
    count: int


class Stacked:
    """Stacked digits as a `Dataset`: uint8 (N, 3, H, W), labels 100 r + 10 g + b."""

    def __init__(self, info: DataInfo, parts: tuple[_Part, ...], rows: np.ndarray | None) -> None:
        self.info = info
        self._parts = parts
        self._rows = rows

    def __len__(self) -> int:
        return self.info.count

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Dataset.batch`.

        Raises:
            IndexError: if an index is not in 0 to len - 1.
        """
        rows = rows_of(indices, len(self))
        if self._rows is not None:
            rows = self._rows[rows]
        images = torch.empty((len(rows), *self.info.shape), dtype=torch.uint8)
        labels = torch.zeros(len(rows), dtype=torch.int64)
        first = 0
        for part in self._parts:
            mine = np.flatnonzero((rows >= first) & (rows < first + part.count))
            picked = stacked_rows(part.split, rows[mine] - first, len(part.digits))
            pixels, digits = part.digits.batch(picked.reshape(-1))
            images[mine] = pixels.view(len(mine), *self.info.shape)
            if self.info.classes:
                labels[mine] = digits.view(len(mine), 3) @ torch.tensor([100, 10, 1])
            first += part.count
        return images, labels


def _digits_wish(wish: Wish, split: str) -> Wish:
    """What is asked of the digits when this is asked of their stacks.

    Raises:
        UserError: if one channel is asked for.
    """
    if wish.channels not in (None, 3):
        raise UserError(f"{STACKED}: its images have 3 channels, one digit in each; ask for 3")
    return replace(wish, channels=1, labels=True, split=split, limit=None)


def _info(wish: Wish, side: tuple[int, ...], digest: str, notes: tuple[str, ...]) -> DataInfo:
    count = sum(COUNTS[split] for split in SPLITS[wish.split])
    rows = chosen(count, wish.limit)
    return DataInfo(
        source=STACKED,
        kind="images",
        count=count if rows is None else len(rows),
        shape=(3, *side),
        classes=CLASSES if wish.labels else (),
        digest=digest,
        notes=(f"three digits in each image, 1,000 classes, {wish.split} split", *notes),
    )


def open_stacked(wish: Wish, progress: Progress | None = None) -> Stacked:
    """128,000 samples of the training digits, or 26,000 of the test digits, each made on demand.

    Raises:
        UserError: if one channel is asked for, or the cache cannot be written.
    """
    parts = []
    for split in SPLITS[wish.split]:
        digits = open_stack(digits_stack(split), _digits_wish(wish, split), progress)
        parts.append(_Part(split, digits, COUNTS[split]))
    digest = digest_of(STACKED, 1, [p.digits.info.digest for p in parts], wish.labels, wish.limit)
    info = _info(wish, parts[0].digits.info.shape[1:], digest[:16], ())
    rows = chosen(sum(part.count for part in parts), wish.limit)
    return Stacked(info, tuple(parts), rows)


def describe_stacked(wish: Wish) -> DataInfo:
    """What `open_stacked` would give, without decoding; the digest stays empty.

    Raises:
        UserError: if one channel is asked for.
    """
    split = SPLITS[wish.split][0]
    info = describe_stack(digits_stack(split), _digits_wish(wish, split))
    return _info(wish, info.shape[1:], "", ())
