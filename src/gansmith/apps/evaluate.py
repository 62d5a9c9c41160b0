"""Score a generator, a run or a folder of samples against real data; compare two of them."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gansmith.apps import runs
from gansmith.apps.completing import FILLING_SCORES
from gansmith.apps.scoring import (
    HELD_OUT,
    LEAST,
    POINT_SAMPLES,
    ScoreOptions,
    Scorer,
    enough,
    reference,
)
from gansmith.apps.showing import OfPictures, counted, shown_on
from gansmith.apps.streams import picked
from gansmith.apps.translating import PAIR_SCORES, Translations
from gansmith.data import Dataset, open_data
from gansmith.data.shards import names_shards
from gansmith.engine import main_first, told
from gansmith.errors import UserError
from gansmith.metrics import DIRECTIONS, JUDGES, Score
from gansmith.metrics.intervals import Z95
from gansmith.models import Generator

Progress = Callable[[str, int, int], None]
DEFAULT = ScoreOptions()


@dataclass(frozen=True)
class ScoreCard:
    """Scores by name, what was compared with what, and why other scores are left out."""

    target: str
    against: str
    scores: dict[str, Score]
    left_out: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, dict[str, Any]]:
        """The scores as plain values."""
        return {name: asdict(score) for name, score in self.scores.items()}


@dataclass(frozen=True)
class Difference:
    """Two generators by one score.

    Attributes:
        one, other: the values.
        low, high: the 95 % interval of ``one - other``.
        better: 0 for the first, 1 for the second, None where the difference may be chance.
    """

    one: float
    other: float
    low: float
    high: float
    better: int | None


@dataclass(frozen=True)
class Verdict:
    """Two score cards against the same real data, and the scores in which they differ."""

    cards: tuple[ScoreCard, ScoreCard]
    differences: dict[str, Difference]

    def as_json(self) -> dict[str, Any]:
        """Plain values: both cards' scores, and the differences."""
        return {
            "targets": [card.target for card in self.cards],
            "against": self.cards[0].against,
            "scores": [card.as_json() for card in self.cards],
            "left_out": [card.left_out for card in self.cards],
            "differences": {name: asdict(each) for name, each in self.differences.items()},
        }


@dataclass(frozen=True)
class _Target:
    """What is scored: a generator or a set of samples, and what is known of its training."""

    name: str
    generator: Generator | None
    samples: Dataset | None
    trained_on: str | None = None
    crop: str | None = None
    limit: int | None = None

    @property
    def count(self) -> int | None:
        """How many samples there are; None of a generator, which makes any number."""
        return None if self.samples is None else len(self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        if self.generator is not None:
            return tuple(self.generator.spec.shape)
        assert self.samples is not None
        return tuple(self.samples.info.shape)


def _open_target(target: str | Path, device: str, progress: Progress | None) -> _Target:
    path = Path(target)
    if not names_shards(str(target)):
        runs.check_place(path)
    if not path.is_dir() or not (runs.is_run(path) or (path / "config.json").is_file()):
        return _Target(str(target), None, open_data(str(target), progress=progress))
    run = path if runs.is_run(path) else path.absolute().parent
    if not runs.is_run(run):
        return _Target(str(target), runs.load(path, device), None)
    cfg = runs.read_settings(run)  # of the run itself, or of the one whose best/ this is
    generator, data = shown_on(runs.load(path, device), cfg), cfg.data
    source = None if isinstance(generator, Translations) else data.source  # it knows its sides
    return _Target(str(target), generator, None, source, data.crop, data.limit)


def evaluate(
    target: str | Path,
    against: str | None = None,
    *,
    train: str | None = None,
    options: ScoreOptions = DEFAULT,
    progress: Progress | None = None,
) -> ScoreCard:
    """Score a run, a saved generator, a folder of images, or any other data source.

    Args:
        target: what to score.
        against: the real data; for a run, by default the data that it was trained on (its held-out
            split where there is one).
        train: what the target was trained on, if ``against`` was held out from it and the target
            is no run that knows: copies are looked for in it.
        options: how many samples, on which features, which scores: see `ScoreOptions`.
        progress: a callback.

    Raises:
        UserError: if either side cannot be read, or has too few samples.
    """
    _check(options)
    opened = main_first(lambda: _open_target(target, options.device, progress))
    scorer, name = main_first(lambda: _scorer(opened, against, train, options, progress))
    return _score(opened, scorer, name)


def compare(
    one: str | Path,
    other: str | Path,
    against: str | None = None,
    *,
    train: str | None = None,
    options: ScoreOptions = DEFAULT,
    progress: Progress | None = None,
) -> Verdict:
    """Score two targets against the same real samples, and say which differences are real.

    Both are scored on as many samples as the smaller set has, since most scores depend on the
    count. A difference d of scores whose intervals are ± a and ± b has the interval
    d ± (a² + b²)^½, the two sets taken as independent; the real set is the same on both sides. It
    counts as real if 0 lies outside of the interval for all scores at once, by Bonferroni's
    correction. Each side's copies are looked for in what that side was trained on.

    Args: as `evaluate`.

    Raises:
        UserError: as `evaluate`, or if the two make samples of different shapes or crops.
    """
    _check(options)
    first, second = (
        main_first(partial(_open_target, each, options.device, progress)) for each in (one, other)
    )
    if first.shape != second.shape:
        shapes = " and ".join("x".join(map(str, each.shape)) for each in (first, second))
        raise UserError(f"{one} and {other} make samples of different shapes ({shapes})")
    if None not in (first.crop, second.crop) and first.crop != second.crop:
        raise UserError(
            f"{one} was trained on images cropped by {first.crop!r} and {other} by "
            f"{second.crop!r}: there are no real images that fit both"
        )
    crop = first.crop or second.crop
    first, second = replace(first, crop=crop), replace(second, crop=crop)
    counts = [each.count for each in (first, second) if each.count is not None]
    options = replace(
        options,
        count=min([options.count, *counts]),
        mode_count=min([options.mode_count, *counts]),
    )
    real = against or second.trained_on
    scorer, name = main_first(lambda: _scorer(first, real, train, options, progress))
    seen = main_first(lambda: _train_side(second, scorer.real, name, train))
    theirs = replace(scorer, train=seen)
    cards = (_score(first, scorer, name), _score(second, theirs, name))
    kind = "images" if len(first.shape) == 3 else "points"
    return Verdict(cards, differences(cards[0].scores, cards[1].scores, kind))


def differences(one: dict[str, Score], other: dict[str, Score], kind: str) -> dict[str, Difference]:
    """Score by score, for those that have an interval and a better side."""
    found = {}
    known = {"fid", "fid_inf", "fd_inf", *JUDGES[kind], *FILLING_SCORES, *PAIR_SCORES}
    names = [
        name
        for name in one
        if name in other and name in known and None not in (one[name].low, other[name].low)
    ]
    for name in names:
        a, b = one[name], other[name]
        half = math.hypot(_half(a), _half(b))
        gap = a.value - b.value
        corrected = half * _bonferroni(len(names)) / Z95
        better = None
        if abs(gap) > corrected:
            better = int((gap > 0) == (DIRECTIONS[name] == "lower"))
        found[name] = Difference(a.value, b.value, gap - half, gap + half, better)
    return found


def _half(score: Score) -> float:
    assert score.low is not None
    assert score.high is not None
    # A bound that was cut, at 0 or 1, would make the interval look narrower than it is.
    return max(score.high - score.value, score.value - score.low)


def _bonferroni(count: int) -> float:
    """The deviations within which a normal number lies with probability 1 − 0.05 / count."""
    normal = torch.distributions.Normal(0.0, 1.0)
    return float(normal.icdf(torch.tensor(1 - 0.025 / count, dtype=torch.float64)))


def _check(options: ScoreOptions) -> None:
    if options.count < LEAST:
        raise UserError(f"cannot score {options.count} samples: ask for at least {LEAST}")


def _scorer(
    target: _Target,
    against: str | None,
    train: str | None,
    options: ScoreOptions,
    progress: Progress | None,
) -> tuple[Scorer, str]:
    """The real side for a target, and what it is called."""
    if against is None and isinstance(target.generator, Translations):
        other = target.generator.sides.target
        return Scorer.of(other, None, options, progress), other.info.source
    against = against or target.trained_on
    if against is None:
        raise UserError(f"{target.name}: name the real data to compare with: --against DATA")
    own = _same_place(against, target.trained_on) and against not in HELD_OUT
    limit = target.limit if own else None
    real = reference(against, target.shape, target.crop or "center", limit=limit)
    known = _train_side(target, real, against, train)
    return Scorer.of(real, known, options, progress), against


def _train_side(target: _Target, real: Dataset, against: str, train: str | None) -> Dataset | None:
    """What a target was trained on, if the real side was held out from it and it is known."""
    held_out = against in HELD_OUT
    source = train or target.trained_on or (against if held_out else None)
    if source is None or len(target.shape) != 3:
        return None
    if _same_place(source, against) and not held_out:
        return None
    limit = target.limit if _same_place(source, target.trained_on) else None
    known = reference(source, target.shape, target.crop or "center", split="train", limit=limit)
    return None if known.info.digest == real.info.digest else known


def _same_place(one: str, other: str | None) -> bool:
    """``photos`` and ``./photos/`` are one folder."""
    return other is not None and (one == other or Path(one).resolve() == Path(other).resolve())


def _score(target: _Target, scorer: Scorer, against: str) -> ScoreCard:
    """The card of a target. Several ranks divide its samples; the main one scores them for all."""
    options, made = scorer.options, target.generator or target.samples
    assert made is not None
    if len(target.shape) != 3:
        return told(lambda: ScoreCard(target.name, against, scorer.points(_points(made, options))))
    count = counted(made, scorer.wanted) if isinstance(made, Generator) else scorer.wanted
    fake = scorer.taken(made, count)

    def card() -> ScoreCard:
        assert fake is not None, "the main rank has them"
        enough(fake)
        if not isinstance(made, OfPictures):
            return ScoreCard(target.name, against, *scorer.card(fake))
        scores, left_out = scorer.card(fake, options.only or made.card, with_train=False)
        if not options.only:
            scores |= made.by_part(scorer, fake, options.seed)
        scores |= made.own_scores(options.count, options.seed, options.fetch)
        return ScoreCard(target.name, against, scores, left_out)

    return told(card)


def _points(made: Generator | Dataset, options: ScoreOptions) -> torch.Tensor:
    if isinstance(made, Generator):
        return made.sample(POINT_SAMPLES, options.seed, batch=POINT_SAMPLES)
    return made.batch(picked(made, POINT_SAMPLES, options.seed))[0]
