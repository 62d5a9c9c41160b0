"""Features as they come, batch by batch, in one piece of memory."""

import torch
from torch import Tensor

_FIRST = 1_024


class Rows:
    """Rows of one width, in a tensor that doubles when it is full.

    A list of small tensors would be simpler. But each of them may settle in the hole that a batch
    of images has left, and keep the allocator from giving the hole to the next batch: then memory
    grows by the size of the images, as was seen with glibc (a thousand bytes of features held
    five megabytes).
    """

    def __init__(self) -> None:
        self._buffer = torch.empty(0, 0)
        self._sizes: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, rows_BF: Tensor) -> None:
        """Copy a batch behind the others; it may be on any device."""
        count = self._count + len(rows_BF)
        if count > len(self._buffer) or not self._sizes:
            longer = torch.empty(
                max(_FIRST, 2 * len(self._buffer), count), rows_BF.shape[1], dtype=rows_BF.dtype
            )
            if self._count:
                longer[: self._count] = self._buffer[: self._count]
            self._buffer = longer
        self._buffer[self._count : count] = rows_BF
        self._sizes.append(len(rows_BF))
        self._count = count

    def all(self) -> Tensor:
        """All rows, NF; no memory beyond them."""
        return self._buffer[: self._count].clone()

    def batches(self) -> tuple[Tensor, ...]:
        """The batches as they came, as views."""
        return self._buffer[: self._count].split(self._sizes) if self._sizes else ()
