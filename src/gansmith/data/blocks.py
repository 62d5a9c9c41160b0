"""The order of a pass over data that lie in blocks: shards on another disk or machine.

A shuffle of all samples would read every shard for every batch. Here the blocks are shuffled, and
the samples within each window of so many blocks: what a pass reads at any time lies in one window,
at a border in two, and every sample comes once.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Generator

from gansmith.data.info import Dataset

ENOUGH = 8_192  # samples to shuffle among: beyond it a batch is all but a draw from all of them
FEWEST, MOST = 4, 64  # blocks in a window


@dataclass(frozen=True)
class Blocks:
    """How many samples lie in each block, in the order of their indices; blocks in a window."""

    sizes: tuple[int, ...]
    window: int

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def count(self) -> int:
        """All samples."""
        return int(self.starts[-1])

    @cached_property
    def starts(self) -> np.ndarray:
        """The first index of each block, and behind the last one the count: int64."""
        return np.concatenate([[0], np.cumsum(self.sizes, dtype=np.int64)])

    @property
    def reach(self) -> int:
        """Samples in a window of blocks of the mean size: so far apart lie two windows' places."""
        return -(-self.count * min(self.window, len(self)) // max(1, len(self)))


def window_of(sizes: tuple[int, ...]) -> int:
    """Blocks in a window: the fewest that hold `ENOUGH` samples at their mean, but 4 to 64.

    A function of the data alone, so that a run goes on with the same order on another machine.
    """
    mean = max(1.0, float(np.mean(sizes))) if sizes else 1.0
    return int(np.clip(np.ceil(ENOUGH / mean), FEWEST, MOST))


def block_order(blocks: Blocks, windows: Generator, draw: Generator) -> np.ndarray:
    """All indices once: blocks shuffled, and samples within windows of them. int64 N.

    Args:
        blocks: of the data.
        windows: a seeded generator, on the CPU, for the order of the blocks. Readers that are given
            the same one are in the same window at the same time, and what one has read is there
            for the other.
        draw: likewise, for the order of the samples.
    """
    shuffled, parts = torch.randperm(len(blocks), generator=windows).tolist(), []
    for first in range(0, len(shuffled), blocks.window):
        starts = (blocks.starts[block : block + 2] for block in shuffled[first:][: blocks.window])
        places = np.concatenate([np.arange(*each, dtype=np.int64) for each in starts])
        parts.append(places[torch.randperm(len(places), generator=draw).numpy()])
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


@runtime_checkable
class ReadAhead(Protocol):
    """Data that lie in blocks and are read while they are asked for: it helps to be told ahead."""

    blocks: Blocks

    def expect(self, soon: np.ndarray, later: np.ndarray | None = None) -> None:
        """``soon`` will be asked for next, ``later`` in a while: read and fetched meanwhile."""
        ...


def blocks_of(data: Dataset) -> Blocks | None:
    """The blocks of data that have them."""
    return data.blocks if isinstance(data, ReadAhead) else None
