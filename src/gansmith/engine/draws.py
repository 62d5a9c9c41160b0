"""Randomness that is counted, not streamed, and that any number of ranks share.

Every draw comes from a generator seeded by (seed, stream, step), so that a resumed run needs no
saved random state and a run is the same run whatever was drawn in between. What belongs to the
samples of a batch is drawn for the whole of it on every rank, and each takes its own rows: so a
run is the same run on one rank and on many.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


def seeded(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator that depends on nothing but its arguments."""
    text = f"{seed}/{stream}/{'/'.join(map(str, counters))}".encode()
    value = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
    return torch.Generator().manual_seed(value)


@dataclass(frozen=True)
class Share:
    """Which rows of a batch are this rank's: every ``world``-th unit, from the ``rank``-th on.

    A unit is a pack of samples that D judges together, or one sample. So the first samples of the
    batch, which alone may be penalised, are the first ones of every rank.
    """

    rank: int = 0
    world: int = 1
    unit: int = 1

    def places(self, count: int, unit: int | None = None) -> Tensor:
        """Where our ``count`` rows stand in the whole batch of ``count * world``."""
        size = self.unit if unit is None else unit
        own = torch.arange(count)
        return (own // size * self.world + self.rank) * size + own % size


WHOLE = Share()


@dataclass(frozen=True)
class Draw:
    """Random numbers for the rows of a batch: drawn for all ranks alike, of which these are ours.

    Attributes:
        generator: in the same state on every rank. What is no affair of single samples is drawn
            from it directly.
        share: which rows are ours.
    """

    generator: torch.Generator
    share: Share = WHOLE

    def own(self, whole: Tensor, count: int, unit: int | None = None) -> Tensor:
        """Our ``count`` rows of what was drawn for all."""
        return whole if self.share.world == 1 else whole[self.share.places(count, unit)]

    def rows(self, count: int) -> int:
        """How many rows all ranks have of a batch of which we have so many."""
        return count * self.share.world

    def uniform(self, count: int, *tail: int, unit: int | None = None) -> Tensor:
        """U(0, 1), shape (count, *tail)."""
        whole = torch.rand(self.rows(count), *tail, generator=self.generator)
        return self.own(whole, count, unit)

    def normal(self, count: int, *tail: int) -> Tensor:
        """N(0, 1), shape (count, *tail)."""
        return self.own(torch.randn(self.rows(count), *tail, generator=self.generator), count)

    def integers(self, low: int, high: int, count: int, *tail: int) -> Tensor:
        """Whole numbers in [low, high), shape (count, *tail)."""
        size = (self.rows(count), *tail)
        return self.own(torch.randint(low, high, size, generator=self.generator), count)

    def order(self, count: int) -> Tensor:
        """A permutation of all ranks' rows: which of them stand at our places."""
        return self.own(torch.randperm(self.rows(count), generator=self.generator), count)


NOISE_BLOCK = 256


def indexed_noise(seed: int, start: int, count: int, width: int) -> Tensor:
    """Rows ``start .. start+count−1`` of an endless N(0, 1) table of the given width.

    A row depends on the seed and its index alone, so the same sample comes out whatever the batch.
    """
    first, last = start // NOISE_BLOCK, (start + count - 1) // NOISE_BLOCK
    blocks = [
        torch.randn(NOISE_BLOCK, width, generator=seeded(seed, "noise-table", block))
        for block in range(first, last + 1)
    ]
    offset = start - first * NOISE_BLOCK
    return torch.cat(blocks)[offset : offset + count]
