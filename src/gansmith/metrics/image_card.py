"""The score card of images: a table of metrics, each with its interval, count and caveats."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from gansmith.errors import UserError, nearest
from gansmith.metrics.bins import different_bins
from gansmith.metrics.birthday import birthday_test
from gansmith.metrics.card import Score
from gansmith.metrics.classes import SURE, class_balance, drawn, predicted, sure
from gansmith.metrics.density_coverage import density_coverage_interval
from gansmith.metrics.diversity import Distance, diversity_ratio
from gansmith.metrics.features import Features, frechet_name
from gansmith.metrics.frechet import ENOUGH, frechet_interval
from gansmith.metrics.frechet_infinity import frechet_infinity, straight
from gansmith.metrics.inception_score import inception_interval
from gansmith.metrics.intervals import wilson
from gansmith.metrics.kernel import kernel_distance, kernel_interval
from gansmith.metrics.memorisation import copy_rate, copying_test
from gansmith.metrics.mind import monge_interval
from gansmith.metrics.moments import Moments, frechet_streamed
from gansmith.metrics.precision_recall import Coverage, coverage
from gansmith.metrics.sample import Sample
from gansmith.metrics.similarity import ms_ssim_distance
from gansmith.metrics.spectrum import SpectrumSum, spectrum_error
from gansmith.metrics.vendi import vendi_interval, vendi_score

Estimate = tuple[float, float | None, float | None]
Notes = tuple[str, ...]
Direction = Literal["lower", "higher"]


@dataclass(frozen=True)
class Comparison:
    """Two sets of images seen by one extractor, and what else is known of them.

    Attributes:
        real: best of a split that the generator was not trained on.
        fake: best as many as real ones.
        features: the extractor both came from; its name stands in every score.
        seed: of subsets, partitions and resampling.
        train_NF: features of what the generator was trained on, where ``real`` was held out.
        own_classes: whether the extractor tells the classes of this very data.
        perceptual: a distance between images (`gansmith.metrics.lpips.LPIPS`) and its name.
        forced: a Fréchet distance of fewer than 2,000 samples all the same.
    """

    real: Sample
    fake: Sample
    features: Features
    seed: int = 0
    train_NF: Tensor | None = None
    own_classes: bool = False
    perceptual: tuple[str, Distance] | None = None
    forced: bool = False

    @cached_property
    def inside(self) -> Coverage:
        """Whose samples lie in whose region, for precision and recall."""
        return coverage(self.real.features_NF, self.fake.features_NF)

    @cached_property
    def balls(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Density and coverage with their intervals."""
        return density_coverage_interval(self.real.features_NF, self.fake.features_NF)

    def logits(self, sample: Sample) -> Tensor:
        """Class logits of a sample's features."""
        logits_of = getattr(self.features, "logits_of", None)
        if logits_of is None:
            raise UserError(f"{self.features.name} knows no classes")
        return torch.as_tensor(logits_of(sample.features_NF)).cpu()

    def own_logits(self, sample: Sample) -> Tensor:
        """Class logits, where the classes are those of this data."""
        if not self.own_classes:
            raise UserError(f"{self.features.name} does not tell the classes of this data")
        return self.logits(sample)

    def need_train(self) -> Tensor:
        """The training features."""
        if self.train_NF is None:
            raise UserError("needs a held-out split beside the training data")
        return self.train_NF


def _frechet(c: Comparison) -> tuple[Estimate, Notes]:
    fewest = min(len(c.real), len(c.fake))
    if fewest < ENOUGH and not c.forced:
        raise UserError(f"{fewest} samples are too few: see kid and mind, or force it")
    few = f"fewer than {ENOUGH} samples: biased upwards, compare at equal counts only"
    notes = (few,) if fewest < ENOUGH else ()
    if c.fake.moments is not None:
        real = Moments(c.real.features_NF.shape[1])
        for rows in c.real.features_NF.split(1_000):
            real.add(rows)
        of_all = f"of all {len(c.fake.moments)} generated samples"
        return frechet_streamed(real, c.fake.moments), (of_all, *notes)
    return frechet_interval(c.real.features_NF, c.fake.features_NF, seed=c.seed), notes


def _frechet_infinity(c: Comparison) -> tuple[Estimate, Notes]:
    dimensions = c.real.features_NF.shape[1]
    enough = straight(len(c.fake), dimensions) and min(len(c.real), len(c.fake)) >= ENOUGH
    if not enough and not c.forced:
        raise UserError(
            f"{len(c.fake)} generated and {len(c.real)} real samples are too few for "
            f"{dimensions} dimensions"
        )
    left = f"the bias of {len(c.real)} real samples remains"
    notes = (left,) if enough else (left, "too few samples: rough")
    # 20 resamples know the deviation to a sixth of itself; all of it is done anew in each.
    return frechet_infinity(c.real.features_NF, c.fake.features_NF, 20, c.seed), notes


def _kernel(c: Comparison) -> tuple[Estimate, Notes]:
    value, deviation = kernel_distance(c.real.features_NF, c.fake.features_NF, c.seed)
    return (value, *kernel_interval(value, deviation, len(c.real), len(c.fake))), ()


def _inception(c: Comparison) -> tuple[Estimate, Notes]:
    other = "" if frechet_name(c.features) == "fid" else "not Inception's: never comparable"
    found = inception_interval(c.logits(c.fake), seed=c.seed)
    return found, (f"classes of {c.features.name}, {other}".removesuffix(", "),)


def _share(inside: Tensor) -> Estimate:
    count = int(inside.sum())
    return count / len(inside), *wilson(count, len(inside))


def _vendi(c: Comparison) -> tuple[Estimate, Notes]:
    real = vendi_score(c.real.features_NF)
    return vendi_interval(c.fake.features_NF, seed=c.seed), (f"the real images' own: {real:.4g}",)


def _bins(c: Comparison) -> tuple[Estimate, Notes]:
    found = different_bins(c.real.features_NF, c.fake.features_NF, seed=c.seed)
    return (found.share, found.low, found.high), (
        f"share of {found.bins} bins, of which chance alone makes 0.05 differ",
    )


def _support(c: Comparison) -> tuple[Estimate, Notes]:
    found = birthday_test(c.real.features_NF, c.fake.features_NF, seed=c.seed)
    if found.high is None:
        about = float(f"{found.support:.2g}")
        return (about, None, None), ("a lower bound: no two samples coincide",)
    return (found.support, found.low, found.high), (f"{found.collisions} pairs coincide",)


def _spectrum(c: Comparison) -> tuple[Estimate, Notes]:
    sums = []
    for sample in (c.real, c.fake):
        sums.append(SpectrumSum())
        sums[-1].add(sample.images_KCHW)
    counted = f"{len(c.fake.images_KCHW)} generated and {len(c.real.images_KCHW)} real images"
    return spectrum_error(sums[0], sums[1], seed=c.seed), (f"in dB, on {counted}",)


def _diversity(c: Comparison, name: str, distance: Distance) -> tuple[Estimate, Notes]:
    found = diversity_ratio(c.real.images_KCHW, c.fake.images_KCHW, distance, seed=c.seed)
    return (found.ratio, found.low, found.high), (f"by {name} over {found.pairs} pairs",)


def _perceptual(c: Comparison) -> tuple[Estimate, Notes]:
    if c.perceptual is None:
        raise UserError("needs the LPIPS weights: ask for them with --lpips")
    return _diversity(c, *c.perceptual)


def _counts(c: Comparison, sample: Sample) -> Tensor:
    """How many of a sample's images the classifier puts into each class, int64 K."""
    logits = c.own_logits(sample)
    return torch.bincount(predicted(logits), minlength=logits.shape[1])


def _balance(c: Comparison) -> tuple[Estimate, Notes]:
    counts = _counts(c, c.real)
    found = class_balance(predicted(c.own_logits(c.fake)), counts, seed=c.seed)
    hit = f"{found.hit} of {len(counts)} classes hit, as {c.features.name} sees them"
    return (found.kl, found.low, found.high), (hit,)


def _classes(c: Comparison) -> tuple[Estimate, Notes]:
    real_K, fake_K = (_counts(c, each).numpy() for each in (c.real, c.fake))
    of = f"of {int((real_K > 0).sum())}; a class counts from a quarter of its real share"
    return (float(drawn(fake_K, real_K)), None, None), (of,)


def _confident(c: Comparison) -> tuple[Estimate, Notes]:
    real = float(sure(c.own_logits(c.real)).float().mean())
    return _share(sure(c.own_logits(c.fake))), (
        f"classified with a probability above {SURE}; real images: {real:.3f}",
    )


def _copies(c: Comparison) -> tuple[Estimate, Notes]:
    found = copy_rate(c.need_train(), c.real.features_NF, c.fake.features_NF)
    return (found.rate, found.low, found.high), ("0.01 is what held-out real data give",)


def _copying(c: Comparison) -> tuple[Estimate, Notes]:
    found = copying_test(c.need_train(), c.real.features_NF, c.fake.features_NF, seed=c.seed)
    return (found.value, found.low, found.high), (
        f"far below 0 copies, about 0 is right, in {found.cells} cells",
    )


IMAGE_METRICS: dict[str, Callable[[Comparison], tuple[Estimate, Notes]]] = {
    "fd": _frechet,
    "fd_inf": _frechet_infinity,
    "kid": _kernel,
    "mind": lambda c: (monge_interval(c.real.features_NF, c.fake.features_NF, 30, c.seed), ()),
    "is": _inception,
    "precision": lambda c: (_share(c.inside.fake_in_real), ()),
    "recall": lambda c: (_share(c.inside.real_in_fake), ()),
    "density": lambda c: (c.balls[0], ()),
    "coverage": lambda c: (c.balls[1], ()),
    "vendi": _vendi,
    "diversity": lambda c: _diversity(c, "1 - MS-SSIM", ms_ssim_distance),
    "lpips": _perceptual,
    "ndb": _bins,
    "support": _support,
    "spectrum": _spectrum,
    "classes": _classes,
    "confident": _confident,
    "class_kl": _balance,
    "copy_rate": _copies,
    "c_t": _copying,
}
QUICK = ("fd", "kid", "mind", "precision", "recall", "density", "coverage")
"""What is cheap enough, and steady enough, to be taken while a run trains."""

DIRECTIONS: dict[str, Direction] = {
    "fd": "lower",
    "fid": "lower",
    "fd_inf": "lower",
    "fid_inf": "lower",
    "kid": "lower",
    "mind": "lower",
    "is": "higher",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "ndb": "lower",
    "support": "higher",
    "spectrum": "lower",
    "classes": "higher",
    "confident": "higher",
    "class_kl": "lower",
    "copy_rate": "lower",
    "modes": "higher",
    "high_quality": "higher",
    "kl": "lower",
    "psnr_hole": "higher",
    "ssim_hole": "higher",
    "lpips_hole": "lower",
    "psnr": "higher",
    "ssim": "higher",
    "lpips_target": "lower",
}
"""Which way each score is better; those that are best at some value of the real data lack one."""

JUDGES: dict[str, tuple[str, ...]] = {"images": QUICK, "points": ("modes", "high_quality", "kl")}
"""The scores by which a best generator is told while a run trains, and two are compared."""


def score_card(
    c: Comparison, only: Collection[str] | None = None
) -> tuple[dict[str, Score], dict[str, str]]:
    """Every score that can be had, and why each of the others cannot.

    Intervals cover the draw of generated samples. docs/metrics.md says what each number means.
    The Fréchet distance is named ``fid`` on the FID Inception's features.

    Args:
        c: what is compared.
        only: names of `IMAGE_METRICS`; by default all.

    Raises:
        UserError: if a name is not known, or if no score at all can be had: the first reason.
    """
    for name in only or ():
        if name not in IMAGE_METRICS:
            known = ", ".join(IMAGE_METRICS)
            raise UserError(
                f"metric {name!r} is not known{nearest(name, IMAGE_METRICS)}; known: {known}"
            )
    about = f"{c.features.name} ({c.features.digest})"
    counts = (f"against {len(c.real)} real samples",) if len(c.real) != len(c.fake) else ()
    fid = frechet_name(c.features)
    scores: dict[str, Score] = {}
    left_out: dict[str, str] = {}
    for name, metric in IMAGE_METRICS.items():
        if only is not None and name not in only:
            continue
        shown = name.replace("fd", fid)
        try:
            (value, low, high), notes = metric(c)
        except UserError as error:
            left_out[shown] = str(error).removeprefix("metrics: ")
            continue
        note = "; ".join((*notes, *counts))
        scores[shown] = Score(value, low, high, len(c.fake), about, c.features.resize, note)
    if left_out and not scores:
        raise UserError(next(iter(left_out.values())))
    return scores, left_out
