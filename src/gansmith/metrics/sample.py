"""What the metrics need of a set of images, taken in one pass over it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.features import Features
from gansmith.metrics.moments import Moments
from gansmith.metrics.rows import Rows

KEPT = 2_000
KEPT_BYTES = 64 * 2**20
MOST = 50_000
"""Features that are kept; of more samples only means and covariances are."""


@dataclass(frozen=True)
class Sample:
    """Features of all images, and some of the images themselves.

    Attributes:
        features_NF: float32, on the CPU.
        images_KCHW: uint8, the first K <= N images: what spectra, pairwise distances and galleries
            are made of. As many as 64 MiB hold, at most 2,000.
        moments: of all samples, where there are more than 50,000, whose features are not kept.
    """

    features_NF: Tensor
    images_KCHW: Tensor
    moments: Moments | None = None

    def __len__(self) -> int:
        return len(self.features_NF)

    def first(self, count: int) -> "Sample":
        """No more than the first ``count`` of them; of streamed samples all."""
        if self.moments is not None or count >= len(self):
            return self
        return Sample(self.features_NF[:count], self.images_KCHW[:count])


def take(batches: Iterable[Tensor], features: Features, known: Tensor | None = None) -> Sample:
    """Features of a stream of uint8 BCHW batches, with one batch and the kept images in memory.

    Args:
        batches: the images.
        features: the extractor.
        known: the features, where they have been taken before: then only the kept images are read.

    Raises:
        UserError: if there is no image, or they are not uint8 with 1 or 3 channels.
    """
    kept: list[Tensor] = []
    rows = Rows()
    moments: Moments | None = None
    for images in _filled(batches):
        wanted = wanted_images(images)
        have = sum(map(len, kept))
        if have < wanted:
            kept.append(images[: wanted - have].cpu())
        elif known is not None:
            break
        if known is not None:
            continue
        found = features(images).cpu()
        if moments is None and len(rows) + len(found) > MOST:
            moments = Moments(found.shape[1])
            for each in rows.batches():
                moments.add(each)
        if moments is None:
            rows.add(found)
        else:
            moments.add(found)
    if not kept:
        raise UserError("features: there are no images to take features of")
    return Sample(rows.all() if known is None else known, torch.cat(kept), moments)


def wanted_images(images_BCHW: Tensor) -> int:
    """How many images of this size are kept."""
    return min(KEPT, max(4, KEPT_BYTES // images_BCHW[0].numel()))


def _filled(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    return (images for images in batches if len(images))
