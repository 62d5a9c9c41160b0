"""Score a generator, a run or a folder of samples against real data; compare two of them."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from gansmith.apps import runs
from gansmith.apps.scoring import (
    BATCH,
    HELD_OUT,
    LEAST,
    POINT_SAMPLES,
    ScoreOptions,
    Scorer,
    batches_of,
    picked,
    reference,
)
from gansmith.data import Dataset, open_data
from gansmith.errors import UserError
from gansmith.metrics import BETTER, Score
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
            "scores": [card.as_json() for card in self.cards],
            "differences": {name: asdict(each) for name, each in self.differences.items()},
        }


@dataclass(frozen=True)
class _Target:
    """What is scored: a generator or a set of samples, and what is known of its training."""

    name: str
    generator: Generator | None
    samples: Dataset | None
    trained_on: str | None
    crop: str

    @property
    def shape(self) -> tuple[int, ...]:
        if self.generator is not None:
            return tuple(self.generator.spec.shape)
        assert self.samples is not None
        return tuple(self.samples.info.shape)


def _open_target(target: str | Path, progress: Progress | None) -> _Target:
    path = Path(target)
    runs.check_place(path)
    if path.is_dir() and runs.is_run(path):
        cfg = runs.read_settings(path)
        return _Target(str(target), runs.load(path), None, cfg.data.source, cfg.data.crop)
    if path.is_dir() and (path / "config.json").is_file():
        return _Target(str(target), runs.load(path), None, None, "center")
    return _Target(str(target), None, open_data(str(target), progress=progress), None, "center")


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
    opened = _open_target(target, progress)
    scorer, name = _scorer(opened, against, train, options, progress)
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

    A difference d of scores whose intervals are ± a and ± b has the interval d ± (a² + b²)^½: the
    generated sets are drawn apart, and the real set is the same on both sides. It counts as real
    if 0 lies outside of the interval for all scores at once, by Bonferroni's correction.

    Args: as `evaluate`.

    Raises:
        UserError: as `evaluate`, or if the two make samples of different shapes.
    """
    _check(options)
    first, second = _open_target(one, progress), _open_target(other, progress)
    if first.shape != second.shape:
        shapes = " and ".join("x".join(map(str, each.shape)) for each in (first, second))
        raise UserError(f"{one} and {other} make samples of different shapes ({shapes})")
    scorer, name = _scorer(first, against, train, options, progress)
    cards = (_score(first, scorer, name), _score(second, scorer, name))
    kind = "images" if len(first.shape) == 3 else "points"
    return Verdict(cards, differences(cards[0].scores, cards[1].scores, kind))


def differences(one: dict[str, Score], other: dict[str, Score], kind: str) -> dict[str, Difference]:
    """Score by score, for those that have an interval and a better side."""
    found = {}
    known = {"fid": "lower", "fid_inf": "lower", "fd_inf": "lower"} | BETTER[kind]
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
            better = int((gap > 0) == (known[name] == "lower"))
        found[name] = Difference(a.value, b.value, gap - half, gap + half, better)
    return found


def _half(score: Score) -> float:
    assert score.low is not None
    assert score.high is not None
    return (score.high - score.low) / 2


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
    against = against or target.trained_on
    if against is None:
        raise UserError(f"{target.name}: name the real data to compare with: --against DATA")
    real = reference(against, target.shape, target.crop)
    trained_on = train or target.trained_on or (against if against in HELD_OUT else None)
    known = None
    apart = trained_on is not None and (trained_on != against or against in HELD_OUT)
    if apart and trained_on is not None and len(target.shape) == 3:
        known = reference(trained_on, target.shape, target.crop, split="train")
    return Scorer.of(real, known, options, progress), against


def _score(target: _Target, scorer: Scorer, against: str) -> ScoreCard:
    options = scorer.options
    if len(target.shape) != 3:
        if target.generator is not None:
            points = target.generator.sample(POINT_SAMPLES, options.seed, batch=POINT_SAMPLES)
        else:
            assert target.samples is not None
            points = target.samples.batch(picked(target.samples, POINT_SAMPLES, options.seed))[0]
        return ScoreCard(target.name, against, scorer.points(torch.as_tensor(points)))
    if target.generator is not None:
        batches = target.generator.batches(options.count, options.seed, batch=BATCH)
    else:
        assert target.samples is not None
        batches = batches_of(target.samples, picked(target.samples, options.count, options.seed))
    scores, left_out = scorer.card(scorer.take(batches))
    return ScoreCard(target.name, against, scores, left_out)
