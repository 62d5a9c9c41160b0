"""Score a generator, a run or a folder of samples against real data."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from gansmith.apps import runs
from gansmith.data import DataInfo, Dataset, open_data
from gansmith.data.toys import TOYS
from gansmith.errors import UserError
from gansmith.metrics import Score, extract, load_features, point_card, score_card
from gansmith.models import Generator

Progress = Callable[[str, int, int], None]
SAMPLES = 10_000
LEAST = 4  # fewer have no neighbours to speak of
POINT_SAMPLES = 2_500  # the protocol of PacGAN for 2-D mixtures
HELD_OUT = ("digits", "fashion", "cifar10", "ring", "grid")  # sources with a test split
FEATURES_FOR = {"fashion": "fashion-cnn"}


@dataclass(frozen=True)
class ScoreCard:
    """Scores by name, and what was compared with what."""

    target: str
    against: str
    scores: dict[str, Score]

    def as_json(self) -> dict[str, dict[str, object]]:
        """The scores as plain values."""
        return {name: asdict(score) for name, score in self.scores.items()}


def reference(
    source: str, shape: tuple[int, ...], crop: str = "center", split: str | None = None
) -> Dataset:
    """The real data to compare with, at the generator's size; held out where there is a split.

    Raises:
        UserError: if it cannot be opened, or is points where images are wanted, or the other way.
    """
    images = len(shape) == 3
    if images and source in TOYS:
        raise UserError(f"{source} holds points: images cannot be scored against them")
    data = open_data(
        source,
        resolution=(shape[1], shape[2]) if images else None,
        channels=shape[0] if images else None,
        crop=crop,
        split=split or ("test" if source in HELD_OUT else "train"),
    )
    if not images and data.info.kind == "images":
        raise UserError(f"{source} holds images: points cannot be scored against them")
    return data


def score_generator(
    generator: Generator,
    real: Dataset,
    seed: int = 0,
    count: int = SAMPLES,
    features: str | None = None,
) -> dict[str, Score]:
    """The score card of a generator; as many real samples as there are, at most ``count``."""
    if generator.spec.kind == "points":
        points = generator.sample(POINT_SAMPLES, seed, batch=POINT_SAMPLES)
        return point_card(points, real.info.modes, real.info.sigma, seed)
    if len(real) < LEAST:
        raise UserError(f"{real.info.source}: {len(real)} images are too few to score against")
    extractor = load_features(features or FEATURES_FOR.get(real.info.source, "digits-cnn"))
    picked = _picked(real, count, seed)
    real_features = extract(real, extractor, indices=picked)
    fake_features = extract(generator.batches(count, seed, batch=250), extractor)
    return _noted(
        score_card(real_features, fake_features, extractor, seed), real.info, extractor.name
    )


def _picked(data: Dataset, count: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(len(data))[:count])


def _noted(scores: dict[str, Score], info: DataInfo, features: str) -> dict[str, Score]:
    """Say where the real images are those that were trained on, and where features are foreign."""
    notes = []
    if info.source not in HELD_OUT:
        notes.append("real side: the data itself, not a held-out part")
    if not features.startswith(info.source):
        notes.append(f"features of another domain ({features}): compare runs on this data only")
    return {
        name: replace(score, note="; ".join([*([score.note] if score.note else []), *notes]))
        for name, score in scores.items()
    }


def evaluate(
    target: str | Path,
    against: str | None = None,
    count: int = SAMPLES,
    seed: int = 0,
    features: str | None = None,
    progress: Progress | None = None,
) -> ScoreCard:
    """Score a run, a saved generator, a folder of images, or any other data source.

    Args:
        target: what to score.
        against: the real data; for a run, by default the data that it was trained on (its held-out
            split where there is one).
        count: samples to make, at most.
        seed: of the samples and of the intervals.
        features: the extractor, by default the one that fits the data.

    Raises:
        UserError: if either side cannot be read, or has too few samples.
    """
    if count < LEAST:
        raise UserError(f"cannot score {count} samples: ask for at least {LEAST}")
    path = Path(target)
    runs.check_place(path)
    crop = "center"
    if path.is_dir() and runs.is_run(path):
        cfg = runs.read_settings(path)
        against, crop = against or cfg.data.source, cfg.data.crop
    if against is None:
        raise UserError(f"{target}: name the real data to compare with: --against DATA")
    if path.is_dir() and (runs.is_run(path) or (path / "config.json").is_file()):
        generator = runs.load(path)
        real = reference(against, generator.spec.shape, crop)
        scores = score_generator(generator, real, seed, count, features)
        return ScoreCard(str(target), against, scores)
    return ScoreCard(
        str(target), against, _score_samples(str(target), against, count, seed, features, progress)
    )


def _score_samples(
    target: str,
    against: str,
    count: int,
    seed: int,
    features: str | None,
    progress: Progress | None,
) -> dict[str, Score]:
    fake = open_data(target, progress=progress)
    real = reference(against, fake.info.shape)
    if fake.info.kind == "points":
        points, _ = fake.batch(_picked(fake, POINT_SAMPLES, seed))
        return point_card(torch.as_tensor(points), real.info.modes, real.info.sigma, seed)
    extractor = load_features(features or FEATURES_FOR.get(real.info.source, "digits-cnn"))
    sides = [extract(data, extractor, indices=_picked(data, count, seed)) for data in (real, fake)]
    return _noted(score_card(sides[0], sides[1], extractor, seed), real.info, extractor.name)
