"""What generated samples are scored against: real data, their features, and what else is known."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from gansmith.apps.perceiving import named_lpips
from gansmith.apps.streams import BATCH, batches_of, numbered, numbered_samples, picked
from gansmith.data import DataInfo, Dataset, open_data
from gansmith.data.toys import TOYS
from gansmith.data.weights import kept_file
from gansmith.engine import gathered, is_main, rank, world
from gansmith.errors import UserError
from gansmith.metrics import (
    IMAGE_METRICS,
    MODE_SAMPLES,
    MODE_SCORES,
    MOST,
    Comparison,
    Features,
    Part,
    Sample,
    Score,
    cached_features,
    extract,
    load_features,
    merge,
    mode_card,
    point_card,
    predicted,
    score_card,
    take,
    take_share,
)
from gansmith.metrics.efficientnet import WEIGHTS as COLOUR_WEIGHTS
from gansmith.metrics.features import StackedFeatures
from gansmith.models import Generator

Progress = Callable[[str, int, int], None]
SAMPLES = 10_000
TRAIN_SAMPLES = 20_000  # of the training data, to look for copies in
LEAST = 4  # fewer have no neighbours to speak of
POINT_SAMPLES = 2_500  # the protocol of PacGAN for 2-D mixtures
HELD_OUT = ("digits", "stacked-mnist", "fashion", "cifar10", "ring", "grid")  # have a test split
FEATURES_FOR = {
    "digits": "digits-cnn",
    "stacked-mnist": "stacked-digits-cnn",
    "fashion": "fashion-cnn",
}
# Where classes are modes: their shares are counted by the scores of modes.
WITH_MODES = tuple(name for name in IMAGE_METRICS if name not in ("classes", "class_kl"))


@dataclass(frozen=True)
class ScoreOptions:
    """How to score.

    Attributes:
        count: samples of either side, at most.
        mode_count: generated samples in whose classes modes are counted, where the data have such
            (`gansmith.metrics.mode_card`).
        seed: of the samples and of the intervals.
        features: the extractor's name or the extractor itself (`gansmith.metrics.ModuleFeatures`
            makes one of any module); by default the one that fits the data.
        inception: the weights of the FID Inception-v3, to score on its features whatever
            ``features`` says.
        lpips: also the diversity by LPIPS, whose weights are fetched at first use.
        forced: a Fréchet distance of fewer than 2,000 samples all the same.
        only: names of scores (`gansmith.metrics.IMAGE_METRICS`); by default all.
        fetch: whether weights may be fetched; if not, colour is not seen until they were.
        device: where samples are made and seen. Scores of another kind of device may differ in
            their last digits.
    """

    count: int = SAMPLES
    mode_count: int = MODE_SAMPLES
    seed: int = 0
    features: str | Features | None = None
    inception: str | Path | None = None
    lpips: bool = False
    forced: bool = False
    only: tuple[str, ...] | None = None
    fetch: bool = True
    device: str = "cpu"


def reference(
    source: str,
    shape: tuple[int, ...],
    crop: str = "center",
    split: str | None = None,
    limit: int | None = None,
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
        limit=limit,
    )
    if not images and data.info.kind == "images":
        raise UserError(f"{source} holds images: points cannot be scored against them")
    return data


def features_for(info: DataInfo, options: ScoreOptions) -> tuple[Features, str]:
    """The extractor that is asked for, or the one that knows such data best.

    Returns:
        The extractor, and why it is blind to the colour of colour images; empty where it is not.
    """
    device = options.device
    if options.inception is not None:
        return load_features("inception-v3", device, options.inception), ""
    if isinstance(options.features, str):
        return load_features(options.features, device), ""
    if options.features is not None:
        return options.features, ""
    if info.source in FEATURES_FOR:
        return load_features(FEATURES_FOR[info.source], device), ""
    if info.shape[0] != 3:
        return load_features("digits-cnn", device), ""
    if not options.fetch and not kept_file(COLOUR_WEIGHTS).is_file():
        why = "`gansmith evaluate` fetches efficientnet-lite0, which sees it"
        return load_features("digits-cnn", device), why
    try:
        return load_features("efficientnet-lite0", device), ""
    except UserError as error:
        return load_features("digits-cnn", device), str(error)


def watched(
    batches: Iterable[Tensor], what: str, total: int, progress: Progress | None
) -> Iterator[Tensor]:
    """The batches, with a word on how many of their images have gone by."""
    done = 0
    for images in batches:
        yield images
        done += len(images)
        if progress:
            progress(f"features of {what}", done, max(done, total))


def features_of(
    data: Dataset, indices: np.ndarray, extractor: Features, progress: Progress | None = None
) -> Tensor:
    """Features of real data, from the disk where they were taken before."""

    def compute() -> Tensor:
        batches = batches_of(data, indices)
        return extract(watched(batches, data.info.source, len(indices), progress), extractor)

    return cached_features(data.info.digest, indices, extractor, compute)


@dataclass(frozen=True)
class Scorer:
    """One real side, taken once, against which any number of generated sides are scored.

    Attributes:
        real: the real data, held out where that is possible.
        train: what the generator was trained on, where ``real`` is held out from it.
        extractor: None for points.
        sample: the real side of every comparison; None for points, and on ranks that do not score.
        indices: which of ``real`` are in ``sample``.
        options: see `ScoreOptions`.
        progress: a callback, for features that are taken.
        blind: why the extractor does not see the colour of colour images.
    """

    real: Dataset
    train: Dataset | None
    extractor: Features | None
    sample: Sample | None
    indices: np.ndarray
    options: ScoreOptions
    progress: Progress | None = None
    blind: str = ""

    @classmethod
    def of(
        cls,
        real: Dataset,
        train: Dataset | None,
        options: ScoreOptions,
        progress: Progress | None = None,
    ) -> "Scorer":
        """Take the real side.

        Raises:
            UserError: if there are too few real samples, or no such features.
        """
        if real.info.kind == "points":
            return cls(real, None, None, None, np.empty(0, np.int64), options)
        if len(real) < LEAST:
            raise UserError(f"{real.info.source}: {len(real)} images are too few to score against")
        extractor, blind = features_for(real.info, options)
        indices = picked(real, min(options.count, MOST), options.seed)
        sample = None
        if world() == 1 or is_main():  # the others only take their share of what is scored
            known = features_of(real, indices, extractor, progress)
            sample = take(batches_of(real, indices), extractor, known)
        return cls(
            real,
            train,
            extractor,
            sample,
            indices,
            options,
            progress,
            blind,
        )

    @property
    def own_classes(self) -> bool:
        """Whether the extractor was trained on the classes of this very data."""
        assert self.extractor is not None, "points have no features"
        return FEATURES_FOR.get(self.real.info.source) == self.extractor.name.rpartition("-v")[0]

    @property
    def modes(self) -> int:
        """How many classes of this data count as modes; 0 where none do."""
        if isinstance(self.extractor, StackedFeatures) and self.own_classes:
            return self.extractor.modes
        return 0

    @property
    def wanted(self) -> int:
        """How many generated samples the scores that are asked for are made of."""
        options = self.options
        if not self.modes or not set(options.only or MODE_SCORES) & set(MODE_SCORES):
            return options.count
        return max(options.count, options.mode_count)

    def take(self, batches: Iterable[Tensor]) -> Sample:
        """The generated side of a comparison."""
        assert self.extractor is not None, "points have no features"
        seen = watched(batches, "samples", self.wanted, self.progress)
        return enough(take(seen, self.extractor))

    def taken(self, made: Generator | Dataset, count: int) -> Sample | None:
        """What `take` takes, in shares by all ranks; None on all but the main one, which has it.

        There it is for whoever scores it to refuse too few (`enough`): the others would wait.

        Args: as `part`.
        """
        if world() == 1:
            if isinstance(made, Generator):
                return self.take(made.batches(count, self.options.seed, batch=BATCH))
            return self.take(batches_of(made, picked(made, count, self.options.seed)))
        mine = self if is_main() else replace(self, progress=None)
        parts = gathered(mine.part(made, count, (rank(), world())))
        return None if parts is None else merge(parts)

    def part(self, made: Generator | Dataset, count: int, share: tuple[int, int]) -> Part:
        """One process's share of what `take` takes; `gansmith.metrics.merge` puts all together.

        Args:
            made: a generator, whose first ``count`` samples of the seed are taken, or samples, of
                which as many are picked as `picked` says.
            count: of samples, in all processes together.
            share: rank and world.
        """
        assert self.extractor is not None, "points have no features"
        if isinstance(made, Generator):
            read = numbered_samples(made, count, self.options.seed)
        else:
            indices = picked(made, count, self.options.seed)
            read, count = numbered(made, indices), len(indices)
        done = 0

        def counted(number: int, following: int | None) -> Tensor:
            nonlocal done
            images = read(number, following)
            if self.progress:  # of all: others are as far as this one
                done = min(count, done + len(images) * share[1])
                self.progress("features of samples", done, count)
            return images

        return take_share(counted, count, BATCH, self.extractor, share)

    def points(self, points: Tensor) -> dict[str, Score]:
        """The score card of points.

        Raises:
            UserError: if only scores are asked for that points do not have.
        """
        info, only = self.real.info, self.options.only
        scores = point_card(points, info.modes, info.sigma, self.options.seed)
        for name in only or ():
            if name not in scores:
                known = ", ".join(scores)
                raise UserError(f"points have no score {name!r}; theirs are {known}")
        return {name: scores[name] for name in scores if only is None or name in only}

    def card(
        self, fake: Sample, only: tuple[str, ...] | None = None, with_train: bool = True
    ) -> tuple[dict[str, Score], dict[str, str]]:
        """The scores of images, and why others are left out.

        Where classes are modes, those are counted in all of ``fake``, and all else is of as many
        samples as the options say.
        """
        assert self.sample is not None, "points have a card of theirs"
        assert self.extractor is not None
        own = self.own_classes
        wanted = only or self.options.only
        counted = self._counted(fake, wanted)
        if self.modes:
            wanted = tuple(name for name in wanted or WITH_MODES if name not in MODE_SCORES)
            if not wanted:
                return counted, {}
            fake = fake.first(self.options.count)
        copies = wanted is None or not {"copy_rate", "c_t"}.isdisjoint(wanted)
        train = self.train_features() if with_train and copies else None
        perceptual = named_lpips() if self.options.lpips else None
        comparison = Comparison(
            real=self.sample,
            fake=fake,
            features=self.extractor,
            seed=self.options.seed,
            train_NF=train,
            own_classes=own,
            perceptual=perceptual,
            forced=self.options.forced,
        )
        scores, left_out = score_card(comparison, wanted)
        return counted | self._noted(scores, own), left_out

    def _counted(self, fake: Sample, only: tuple[str, ...] | None) -> dict[str, Score]:
        """The scores of modes."""
        extractor = self.extractor
        names = [name for name in only or MODE_SCORES if name in MODE_SCORES]
        if not (isinstance(extractor, StackedFeatures) and self.modes and names):
            return {}
        labels = predicted(extractor.logits_of(fake.features_NF))
        about = f"{extractor.name} ({extractor.digest})"
        found = mode_card(labels, self.modes, about, extractor.resize, self.options.seed)
        return {name: found[name] for name in names}

    def train_indices(self) -> np.ndarray:
        """Which of the training data copies are looked for in."""
        assert self.train is not None
        return picked(self.train, TRAIN_SAMPLES, self.options.seed)

    def train_features(self) -> Tensor | None:
        """Features of the training data, where the real side was held out from it."""
        if self.train is None or self.extractor is None:
            return None
        return features_of(self.train, self.train_indices(), self.extractor, self.progress)

    def _noted(self, scores: dict[str, Score], own: bool) -> dict[str, Score]:
        """Say where real images are those trained on, and where features are of another kind."""
        notes = []
        if self.train is None:
            notes.append("real side: the data itself, not a held-out part")
        assert self.extractor is not None
        grey = self.extractor.name.startswith(tuple(FEATURES_FOR.values()))
        if grey and not own:
            name = self.extractor.name
            notes.append(f"features of another domain ({name}): compare runs on this data only")
            if self.blind:
                notes.append(f"blind to colour: {self.blind}".replace("; ", ", "))
        return {
            name: replace(score, note="; ".join([*([score.note] if score.note else []), *notes]))
            for name, score in scores.items()
        }


def enough(fake: Sample) -> Sample:
    """The same samples.

    Raises:
        UserError: if they are too few to score.
    """
    if len(fake) < LEAST:
        raise UserError(f"{len(fake)} samples are too few to score")
    return fake
