"""Samples batch by batch, real and generated, for whoever scores more than memory holds."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from gansmith.data import Dataset, ReadAhead, block_order, blocks_of
from gansmith.engine import seeded
from gansmith.metrics.shares import Read
from gansmith.models import Generator

BATCH = 250


def picked(data: Dataset, count: int, seed: int) -> np.ndarray:
    """The numbers of ``count`` samples at most, drawn by the seed.

    They are in order only batch by batch, so that the first ones, which are kept as images, are a
    draw from all classes where the data are sorted by class. Of data in blocks the same numbers
    come window by window, so that every shard is read in one stretch.
    """
    drawn = np.random.default_rng(seed).permutation(len(data))[:count]
    blocks = blocks_of(data)
    if blocks is not None:
        wanted = np.zeros(len(data), bool)
        wanted[drawn] = True
        order = block_order(blocks, seeded(seed, "picked-blocks"), seeded(seed, "picked"))
        drawn = order[wanted[order]]
    return np.concatenate(
        [np.sort(part) for part in np.split(drawn, range(BATCH, len(drawn), BATCH))]
    )


def batches_of(data: Dataset, indices: np.ndarray) -> Iterator[Tensor]:
    """The samples of these numbers, uint8 BCHW at a time."""
    read, count = numbered(data, indices), -(-len(indices) // BATCH)
    for number in range(count):
        yield read(number, number + 1 if number + 1 < count else None)


def numbered(data: Dataset, indices: np.ndarray) -> Read:
    """The same by the number of the batch, for `gansmith.metrics.take_share`."""

    def part(number: int) -> np.ndarray:
        return indices[number * BATCH : (number + 1) * BATCH]

    def read(number: int, following: int | None) -> Tensor:
        if following is not None and isinstance(data, ReadAhead):
            data.expect(part(following))
        return data.batch(part(number))[0]

    return read


def numbered_samples(generator: Generator, count: int, seed: int) -> Read:
    """Samples ``0 .. count−1`` of a seed by the number of the batch of `BATCH`."""

    def read(number: int, following: int | None) -> Tensor:
        del following
        first = number * BATCH
        size = min(BATCH, count - first)
        return next(iter(generator.batches(size, seed, batch=BATCH, start=first)))

    return read
