"""A completion net with pictures to show it on: what takes the place of samples of noise."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from gansmith.apps.perceiving import lpips_is_here
from gansmith.apps.scoring import BATCH, HELD_OUT, reference
from gansmith.config import Config
from gansmith.config.completion import PERCEPTUAL_SIDE, MasksConfig
from gansmith.data import Dataset
from gansmith.data.masks import indexed_masks
from gansmith.errors import UserError
from gansmith.metrics import LPIPS, Score
from gansmith.metrics.completion import Fillings, by_hole, filling_card, measure_fillings
from gansmith.models import Completer, Spec

# Of completed pictures against whole ones. Copies, kinds and classes are those of the known parts.
COMPLETED = ("fd", "kid", "mind", "precision", "recall", "density", "coverage", "spectrum")
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

    def filled(
        self, count: int, seed: int = 0, batch: int = BATCH, start: int = 0
    ) -> Iterator[Filled]:
        """Completed pictures, the pictures, and the masks, a batch at a time."""
        order = np.random.default_rng(seed).permutation(len(self._data))
        height, width = self.spec.shape[1:]
        for first in range(start, start + count, batch):
            numbers = np.arange(first, min(first + batch, start + count))
            chosen = order[numbers % len(order)]
            place = np.argsort(chosen, kind="stable")  # a data set is read in order
            x = torch.empty(len(chosen), *self.spec.shape, dtype=torch.uint8)
            x[torch.from_numpy(place)] = self._data.batch(chosen[place])[0]
            masks = self._masks
            hole = indexed_masks(masks.kinds, masks.area, seed, first, len(numbers), height, width)
            yield self.complete(x, hole, seed, numbers.tolist()), x, hole

    def batches(
        self,
        count: int,
        seed: int = 0,
        class_index: int | None = None,
        batch: int = 128,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """The completed pictures alone."""
        del class_index
        for made, _, _ in self.filled(count, seed, batch, start):
            yield made

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
    """Measure so many completed pictures; LPIPS where its weights are here or may be fetched."""
    perceptual = None
    large = min(completions.spec.shape[1:]) >= PERCEPTUAL_SIDE
    if large and (fetch or lpips_is_here()):
        try:
            perceptual = ("LPIPS (alex)", LPIPS("alex"))
        except UserError:  # no network: the other scores stand
            perceptual = None
    return measure_fillings(list(completions.filled(count, seed)), perceptual)


def filling_scores(
    completions: Completions, count: int, seed: int, fetch: bool = False
) -> dict[str, Score]:
    """The scores over all pictures, then those by the size of the hole, where there are several."""
    found = fillings_of(completions, count, seed, fetch)
    card, sizes = filling_card(found, seed), by_hole(found, seed)
    return card | sizes if len(sizes) > len(card) else card
