"""A translation net with pictures to show it on: what takes the place of samples of noise."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.apps.perceiving import lpips_of
from gansmith.apps.scoring import Scorer
from gansmith.apps.setting_up import open_run_data
from gansmith.apps.streams import BATCH
from gansmith.config import Config, build, merge, to_tree
from gansmith.data import Dataset, Sides
from gansmith.data.drawing import drawn
from gansmith.errors import UserError
from gansmith.metrics import Sample, Score
from gansmith.metrics.translation import pair_card
from gansmith.models import Spec, Translator
from gansmith.models.translation import alike

# Of translated pictures against those of the target side. Copies are of what was given.
TRANSLATED = ("fd", "kid", "mind", "precision", "recall", "density", "coverage", "spectrum")
PAIR_SCORES = ("psnr", "ssim", "lpips_target")
Turned = tuple[Tensor, Tensor, Tensor | None]  # made, given and target, uint8 BCHW
SHOWN, COLUMNS = 24, 8  # pictures on a sheet, and in each of its rows
MOST = 1_000  # pictures that are held against their targets


class Translations(Translator):
    """A translator whose samples are pictures of the data, each translated.

    Sample i of a seed is a function of both: picture and noise.
    """

    card = TRANSLATED

    def __init__(self, net: nn.Module, spec: Spec, sides: Sides, paired: bool) -> None:
        super().__init__(net, spec)
        self.sides, self.paired = sides, paired

    @property
    def pictures(self) -> int:
        """How many there are to translate."""
        return len(self.sides if self.paired else self.sides.input)

    def turned(
        self, count: int, seed: int = 0, batch: int = BATCH, start: int = 0
    ) -> Iterator[Turned]:
        """Translated pictures, what they were, and what they were to become, a batch at a time.

        The target is None where there are no pairs.
        """
        data: Dataset = self.sides if self.paired else self.sides.input
        for numbers, x in drawn(data, count, seed, batch, start):
            given, target = x[:, : self.in_channels], x[:, self.in_channels :]
            made = self.translate(given, seed, numbers)
            yield made, given, target if self.paired else None

    def made(self, count: int, seed: int, batch: int, start: int) -> Iterator[Tensor]:
        """The translated pictures alone."""
        return (made for made, _, _ in self.turned(count, seed, batch, start))

    def rows(self, seed: int) -> Tensor:
        """Rows of what was made, under each what was given, and the target if there is one.

        Returns:
            uint8 NCHW, `COLUMNS` to a row; RGB if any of them is.
        """
        rows = []
        for made, given, target in self.turned(SHOWN, seed, COLUMNS):
            shown = [made, given, *([] if target is None else [target])]
            most = max(each.shape[1] for each in shown)
            rows += [alike(each, most) for each in shown]
        return torch.cat(rows)

    def own_scores(self, count: int, seed: int, fetch: bool = False) -> dict[str, Score]:
        """`pair_card` of so many pictures; nothing where there are no pairs.

        Each picture counts once, however few they are: its outputs by other noise are no more
        evidence, and the intervals are of independent pictures. LPIPS where its weights are here
        or may be fetched.
        """
        if not self.paired:
            return {}
        count = min(count, MOST, self.pictures)
        found = [
            (made, target) for made, _, target in self.turned(count, seed) if target is not None
        ]
        return pair_card(found, lpips_of(self.spec.shape, fetch), seed)

    def by_part(self, scorer: Scorer, fake: Sample, seed: int) -> dict[str, Score]:
        """Nothing: pictures differ in no way that a translation's scores are told apart by."""
        del scorer, fake, seed
        return {}


def shown_sides(cfg: Config, spec: Spec, data: Sides | None = None) -> Sides:
    """The pictures that a translator is shown on: held-out ones, if there are.

    Args:
        data: what the run is trained on, where it is open.
    """
    wanted = (spec.in_channels, spec.shape[0])
    known: dict[str, Any] = {"resolution": list(spec.shape[1:])}
    if wanted[0] == wanted[1]:
        known["data"] = {"channels": wanted[0]}
    trained = build(merge(to_tree(cfg), known))
    try:
        held = open_run_data(
            build(merge(to_tree(trained), {"data": {"limit": None}})), None, "test"
        )
    except UserError:  # no test split
        held = None
    if held is None or (held.info.given, held.info.shape[0] - held.info.given) != wanted:
        held = data or open_run_data(trained, None)
    assert isinstance(held, Sides)
    return held
