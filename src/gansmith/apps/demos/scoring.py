"""What the demos measure: rows of scores, and what is claimed by them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from gansmith.metrics import Features, Score, extract
from gansmith.metrics.completion import Distance, filling_card, measure_fillings
from gansmith.metrics.sets import set_distances
from gansmith.metrics.translation import pair_card

BATCH = 250
RESAMPLES = 20  # of a Fréchet distance: each takes a second on a core


@dataclass(frozen=True)
class Row:
    """One way to make the pictures, and its scores."""

    label: str
    scores: dict[str, Score]


@dataclass(frozen=True)
class Claim:
    """That a score is lower than another way's, and by enough.

    Attributes:
        score: its name; lower is better.
        ours, theirs: the labels of two rows.
        share: of the other value that ours may be at the most.
        values: both scores; None where one of them was not measured.
    """

    score: str
    ours: str
    theirs: str
    share: float
    values: tuple[Score, Score] | None

    @property
    def held(self) -> bool | None:
        """Whether the value is low enough, and both intervals do not overlap; None: not known."""
        if self.values is None:
            return None
        one, other = self.values
        apart = one.high is not None and other.low is not None and one.high < other.low
        return apart and one.value <= self.share * other.value

    @property
    def text(self) -> str:
        """In words."""
        bound = "lower than" if self.share == 1.0 else f"at most {self.share:g} times"
        return f"{self.score} of {self.ours} {bound} that of {self.theirs}"

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints: ``held`` is null where it was not measured."""
        return {"claim": self.text, "held": self.held, "measured": self.values is not None}


@dataclass(frozen=True)
class Wanted:
    """A claim before anything was measured: see `Claim`."""

    score: str
    ours: str
    theirs: str
    share: float = 1.0


def claims(rows: list[Row], wanted: tuple[Wanted, ...]) -> list[Claim]:
    """Every claim, those whose scores could not be measured among them."""
    by_label = {row.label: row.scores for row in rows}
    found = []
    for each in wanted:
        one, other = by_label[each.ours].get(each.score), by_label[each.theirs].get(each.score)
        values = None if one is None or other is None else (one, other)
        found.append(Claim(each.score, each.ours, each.theirs, each.share, values))
    return found


@dataclass(frozen=True)
class Judge:
    """What pictures are measured with.

    Attributes:
        features: of the sets' distances.
        perceptual: LPIPS and its name, where it can be had at this size.
        seed: of the resampling.
    """

    features: Features
    perceptual: tuple[str, Distance] | None
    seed: int = 0

    def translations(self, made: Mapping[str, Tensor], target: Tensor) -> list[Row]:
        """Of each way, to the target side: ``fd``, ``kid``; to the very partner: ``psnr``,
        ``ssim`` and ``lpips_target``.

        Args:
            made: by its label, uint8 BCHW, the partners of ``target``.
            target: uint8 BCHW.
        """
        real = extract(target.split(BATCH), self.features)
        rows = []
        for label, pictures in made.items():
            seen = extract(pictures.split(BATCH), self.features)
            scores = set_distances(real, seen, self.features, self.seed, RESAMPLES)
            likeness = pair_card([(pictures, target)], self.perceptual, self.seed)
            rows.append(Row(label, scores | likeness))
        return rows

    def completions(
        self, made: Mapping[str, Tensor], real: Tensor, hole: Tensor, others: Tensor
    ) -> list[Row]:
        """``lpips_hole``, ``psnr_hole``, ``ssim_hole``, ``fd`` and ``kid`` of each way to fill.

        The distances of sets are to other pictures: what is known would make all ways alike.

        Args:
            made: by its label, uint8 BCHW.
            real: the pictures before, uint8 BCHW.
            hole: boolean BHW.
            others: whole pictures, uint8 BCHW.
        """
        whole = extract(others.split(BATCH), self.features)
        rows = []
        for label, pictures in made.items():
            near = filling_card(
                measure_fillings([(pictures, real, hole)], self.perceptual), self.seed
            )
            seen = extract(pictures.split(BATCH), self.features)
            far = set_distances(whole, seen, self.features, self.seed, RESAMPLES)
            rows.append(Row(label, near | far))
        return rows


def as_json(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """The table for machines."""
    return {row.label: {name: asdict(score) for name, score in row.scores.items()} for row in rows}
