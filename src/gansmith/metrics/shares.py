"""Features of a stream of images taken by several processes, as if one had taken all of them.

The stream is cut into numbered batches, and every batch is read and seen whole by one process, so
that its features are those of one process to the bit. Up to `MOST` rows, batch j belongs to rank
j % world. Of longer streams moments are counted, in groups: there batch j belongs to rank
(j % groups) % world, so that each group's sums are made in one place in the order of the stream,
and adding the groups of different processes adds zeros. More than 20 processes (10 for features of
over 512 dimensions) have then no more to do than 20 have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.features import Features
from gansmith.metrics.moments import Moments, groups_of
from gansmith.metrics.rows import Rows
from gansmith.metrics.sample import MOST, Sample, wanted_images

Read = Callable[[int, int | None], Tensor]
"""Batch ``number`` of a stream, uint8 BCHW; the second number is of the one read after it."""


@dataclass(frozen=True)
class Part:
    """What one process took, with the numbers of the batches, so that parts can be put in order.

    Attributes:
        rows_NF: features of its batches among the first `MOST` samples, float32 on the CPU.
        sizes: how many of the rows each batch has, by the batch's number, in order.
        images: of the first batches, by number, what is kept of them: uint8 BCHW.
        moments: of all its batches, where the stream is longer than `MOST`.
    """

    rows_NF: Tensor
    sizes: dict[int, int]
    images: dict[int, Tensor]
    moments: Moments | None = None


def take_share(
    read: Read, count: int, size: int, features: Features, share: tuple[int, int] = (0, 1)
) -> Part:
    """Features of one process's share of a stream; one batch and the kept images in memory.

    Args:
        read: gives a batch by its number; all have ``size`` images but the last.
        count: images in the stream.
        size: images in a batch.
        features: the extractor, the same in all processes.
        share: rank and world.

    Raises:
        UserError: if there is no image, or they are not uint8 with 1 or 3 channels.
    """
    rank, world = share
    if not 0 <= rank < world:
        raise ValueError(f"rank {rank} of {world}")
    if count < 1:
        raise UserError("features: there are no images to take features of")
    batches = -(-count // size)
    mine, moments = list(range(rank, batches, world)), None
    if count > MOST:
        # Every process sees the first batch: its mean is what all of them count around.
        found = features(read(0, None)).cpu()
        groups, shift = groups_of(found.shape[1]), finite_rows(found, "features", least=1).mean(0)
        mine = [number for number in range(batches) if number % groups % world == rank]
        moments = Moments(found.shape[1], shift)
    rows, sizes, kept = Rows(), dict[int, int](), dict[int, Tensor]()
    for place, number in enumerate(mine):
        images = read(number, mine[place + 1] if place + 1 < len(mine) else None)
        start = number * size
        wanted = wanted_images(images)
        if start < wanted:
            kept[number] = images[: wanted - start].cpu()
        found = features(images).cpu()
        if start + len(images) <= MOST:
            rows.add(found)
            sizes[number] = len(found)
        if moments is not None:
            moments.add(found, number)
    return Part(rows.all(), sizes, kept, moments)


def merge(parts: Sequence[Part]) -> Sample:
    """All processes' parts as the sample that one process would have taken, to the bit.

    Raises:
        ValueError: if they are not the parts of one stream.
    """
    rows: dict[int, Tensor] = {}
    images: dict[int, Tensor] = {}
    for part in parts:
        if not rows.keys().isdisjoint(part.sizes):
            raise ValueError("two parts hold the same batch")
        pieces = part.rows_NF.split(list(part.sizes.values())) if part.sizes else ()
        rows |= dict(zip(part.sizes, pieces, strict=True))
        images |= part.images
    if sorted(rows) != list(range(len(rows))):
        raise ValueError("a part is missing")
    moments = [part.moments for part in parts if part.moments is not None]
    counted = [each for each in moments if len(each)]
    return Sample(
        torch.cat([rows[number] for number in sorted(rows)]),
        torch.cat([images[number] for number in sorted(images)]),
        Moments.merged(counted) if counted else None,
    )
