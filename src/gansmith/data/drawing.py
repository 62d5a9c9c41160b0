"""Samples of a data set by number, in any order: it is read in its own, which is the fast one."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from gansmith.data.info import Dataset


def read(data: Dataset, indices: np.ndarray) -> Tensor:
    """The samples of these indices, in the order of the indices."""
    place = np.argsort(indices, kind="stable")
    return data.batch(indices[place])[0][np.argsort(place)]


def drawn(
    data: Dataset, count: int, seed: int, batch: int, start: int = 0
) -> Iterator[tuple[list[int], Tensor]]:
    """Samples ``start .. start+count-1`` of a seed's order, a batch at a time, with their numbers.

    Sample i is a function of the seed and of i; all have come once before one comes again.
    """
    order = np.random.default_rng(seed).permutation(len(data))
    for first in range(start, start + count, batch):
        numbers = np.arange(first, min(first + batch, start + count))
        yield numbers.tolist(), read(data, order[numbers % len(order)])
