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
from gansmith.metrics.sample import MOST, Sample, wanted_images

Read = Callable[[int, int | None], Tensor]
"""Batch ``number`` of a stream, uint8 BCHW; the second number is of the one read after it."""


@dataclass(frozen=True)
class Part:
    """What one process took: by the number of the batch, so that parts can be put in order.

    Attributes:
        rows: features of the batches among the first `MOST` samples, float32 on the CPU.
        images: those of the first batches that are kept, uint8 BCHW.
        moments: of all its batches, where the stream is longer than `MOST`.
    """

    rows: dict[int, Tensor]
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
    part = Part({}, {})
    numbers = range(rank, batches, world)
    mine: list[int] = list(numbers)
    if count > MOST:
        # Every process sees the first batch: its mean is what all of them count around.
        found = features(read(0, None)).cpu()
        groups, shift = groups_of(found.shape[1]), finite_rows(found, "features", least=1).mean(0)
        mine = [number for number in range(batches) if number % groups % world == rank]
        part = Part({}, {}, Moments(found.shape[1], shift))
    for place, number in enumerate(mine):
        images = read(number, mine[place + 1] if place + 1 < len(mine) else None)
        start = number * size
        wanted = wanted_images(images)
        if start < wanted:
            part.images[number] = images[: wanted - start].cpu()
        found = features(images).cpu()
        if start + len(images) <= MOST:
            part.rows[number] = found
        if part.moments is not None:
            part.moments.add(found, number)
    return part


def merge(parts: Sequence[Part]) -> Sample:
    """All processes' parts as the sample that one process would have taken, to the bit.

    Raises:
        ValueError: if they are not the parts of one stream.
    """
    rows: dict[int, Tensor] = {}
    images: dict[int, Tensor] = {}
    for part in parts:
        if not rows.keys().isdisjoint(part.rows):
            raise ValueError("two parts hold the same batch")
        rows |= part.rows
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
