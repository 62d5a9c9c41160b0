"""A completion net with pictures to show it on: what takes the place of samples of noise."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gansmith.apps.perceiving import lpips_of
from gansmith.apps.scoring import HELD_OUT, Scorer, reference
from gansmith.apps.streams import BATCH
from gansmith.config import Config
from gansmith.config.completion import MasksConfig
from gansmith.data import Dataset
from gansmith.data.drawing import drawn
from gansmith.data.masks import indexed_masks
from gansmith.errors import UserError
from gansmith.metrics import Sample, Score
from gansmith.metrics.completion import (
    LEAST_APART,
    Fillings,
    by_hole,
    filling_card,
    measure_fillings,
    sizes,
)
from gansmith.models import Completer, Spec

# Of completed pictures against whole ones. Copies, kinds and classes are those of the known parts.
COMPLETED = ("fd", "kid", "mind", "precision", "recall", "density", "coverage", "spectrum")
DISTANCES = ("fd", "kid")  # of those, by the size of the hole too
FILLING_SCORES = ("psnr_hole", "ssim_hole", "lpips_hole")
FILLED, FILLED_COLUMNS = 24, 8  # completed pictures on a sheet, and in each of its rows
HOLE_GREY = 128
Filled = tuple[Tensor, Tensor, Tensor]  # completed and original uint8 BCHW, boolean mask BHW


class Completions(Completer):
    """A completer whose samples are pictures of the data, each with a hole of its own filled.

    Sample i of a seed is a function of both: picture, hole and noise.
    """

    card = COMPLETED

    def __init__(self, net: nn.Module, spec: Spec, data: Dataset, masks: MasksConfig) -> None:
        super().__init__(net, spec)
        self._data, self._masks = data, masks

    @property
    def pictures(self) -> int:
        """How many there are to cut holes into."""
        return len(self._data)

    def filled(
        self, count: int, seed: int = 0, batch: int = BATCH, start: int = 0
    ) -> Iterator[Filled]:
        """Completed pictures, the pictures, and the masks, a batch at a time."""
        masks, (height, width) = self._masks, self.spec.shape[1:]
        for numbers, x in drawn(self._data, count, seed, batch, start):
            hole = indexed_masks(masks.kinds, masks.area, seed, numbers[0], len(x), height, width)
            yield self.complete(x, hole, seed, numbers), x, hole

    def areas(self, count: int, seed: int = 0) -> Tensor:
        """The share of each of the first pictures of a seed in the hole, float64 (count,)."""
        masks, (height, width) = self._masks, self.spec.shape[1:]
        hole = indexed_masks(masks.kinds, masks.area, seed, 0, count, height, width)
        return hole.double().flatten(1).mean(1)

    def made(self, count: int, seed: int, batch: int, start: int) -> Iterator[Tensor]:
        """The completed pictures alone."""
        return (made for made, _, _ in self.filled(count, seed, batch, start))

    def rows(self, seed: int) -> Tensor:
        """Rows of completed pictures, under each those with their holes, and as they had been.

        Returns:
            uint8 NCHW, `FILLED_COLUMNS` to a row.
        """
        rows = []
        for made, real, mask in self.filled(FILLED, seed, FILLED_COLUMNS):
            rows += [made, real.masked_fill(mask[:, None], HOLE_GREY), real]
        return torch.cat(rows)

    def own_scores(self, count: int, seed: int, fetch: bool = False) -> dict[str, Score]:
        """`filling_scores`."""
        return filling_scores(self, count, seed, fetch)

    def by_part(self, scorer: Scorer, fake: Sample, seed: int) -> dict[str, Score]:
        """`distances_by_size`."""
        return distances_by_size(self, scorer, fake, seed)


def exhibited(cfg: Config, spec: Spec, data: Dataset | None = None) -> Dataset:
    """The pictures that holes are cut into to show what a net can do: held-out ones, if there are.

    Args:
        data: what the run is trained on, where it is open.
    """
    if cfg.data.source not in HELD_OUT and data is not None:
        return data
    limit = None if cfg.data.source in HELD_OUT else cfg.data.limit
    return reference(cfg.data.source, spec.shape, cfg.data.crop, limit=limit)


def fillings_of(completions: Completions, count: int, seed: int, fetch: bool) -> Fillings:
    """Measure so many completed pictures; LPIPS where its weights are here or may be fetched.

    Each picture counts once, however few they are: intervals are of independent pictures.
    """
    count = min(count, completions.pictures)
    perceptual = lpips_of(completions.spec.shape, fetch)
    return measure_fillings(list(completions.filled(count, seed)), perceptual)


def filling_scores(
    completions: Completions, count: int, seed: int, fetch: bool = False
) -> dict[str, Score]:
    """The scores over all pictures, then those by the size of the hole, where there are several."""
    found = fillings_of(completions, count, seed, fetch)
    card, sizes = filling_card(found, seed), by_hole(found, seed)
    return card | sizes if len(sizes) > len(card) else card


def distances_by_size(
    completions: Completions, scorer: Scorer, fake: Sample, seed: int
) -> dict[str, Score]:
    """``"kid 10-20 %"`` and so on, where there are several sizes of hole; ``fd`` where it may be.

    A size needs 200 pictures, and 2,000 for the Fréchet distance.

    Args:
        fake: the first completed pictures of the seed, in their order.
    """
    parts = sizes(completions.areas(len(fake), seed), LEAST_APART)
    found: dict[str, Score] = {}
    for size, here in parts.items() if len(parts) > 1 else ():
        part = Sample(fake.features_NF[here], fake.images_KCHW)
        try:
            card = scorer.card(part, only=DISTANCES, with_train=False)[0]
        except UserError:  # too few real ones
            continue
        found |= {f"{name} {size}": score for name, score in card.items()}
    return found
