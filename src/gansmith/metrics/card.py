"""The score card: every number with its interval, count, features and caveats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.metrics.features import Features
from gansmith.metrics.frechet import ENOUGH, frechet_interval
from gansmith.metrics.intervals import centred, wilson
from gansmith.metrics.kernel import kernel_distance, kernel_interval
from gansmith.metrics.modes import SAMPLES, modes_2d, nearest_counts, uniform_kl
from gansmith.metrics.precision_recall import coverage


@dataclass(frozen=True)
class Score:
    """One number and what is needed to judge it.

    Attributes:
        value: the estimate.
        low, high: its 95 % interval, or None where there is none.
        n: the number of generated samples.
        features: name and digest of the extractor, as ``digits-cnn-v1 (0123456789ab)``.
        resize: how images were brought to the extractor's size, in words.
        note: what a reader must know before comparing it, or empty.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    features: str
    resize: str
    note: str = ""


def score_card(real: Tensor, fake: Tensor, features: Features, seed: int = 0) -> dict[str, Score]:
    """``fd``, ``kid``, ``precision`` and ``recall`` of generated against real features.

    Args:
        real: NF features of real images, best of a split the generator was not trained on.
        fake: MF features of generated images, best as many as real ones.
        features: the extractor both came from; its name stands in every score.
        seed: of the subsets and the resampling.

    Intervals cover the draw of generated samples; those of precision and recall hold the other
    set's region fixed. docs/metrics.md says what each number means.

    Raises:
        UserError: for fewer than 4 samples, values that are not finite, or unequal dimensions.
    """
    inside = coverage(real, fake)
    fd, fd_low, fd_high = frechet_interval(real, fake, seed=seed)
    kid, deviation = kernel_distance(real, fake, seed)
    kid_low, kid_high = kernel_interval(kid, deviation, len(real), len(fake))
    about = f"{features.name} ({features.digest})"
    counts = "" if len(real) == len(fake) else f"against {len(real)} real samples"
    few = ""
    if min(len(real), len(fake)) < ENOUGH:
        few = f"fewer than {ENOUGH} samples: biased upwards, compare at equal counts only"

    def score(value: float, low: float, high: float, *notes: str) -> Score:
        note = "; ".join(text for text in notes if text)
        return Score(value, low, high, len(fake), about, features.resize, note)

    return {
        "fd": score(fd, fd_low, fd_high, counts, few),
        "kid": score(kid, kid_low, kid_high, counts),
        "precision": score(*_share(inside.fake_in_real), counts),
        "recall": score(*_share(inside.real_in_fake), counts),
    }


def point_card(
    points: Tensor, info_modes: Sequence[Sequence[float]], sigma: float, seed: int = 0
) -> dict[str, Score]:
    """``modes``, ``high_quality`` and ``kl`` of generated points against a mixture's centres.

    Args:
        points: float N2 generated points; the published protocol has 2,500.
        info_modes: the centres (``DataInfo.modes``).
        sigma: the standard deviation of each mode (``DataInfo.sigma``).
        seed: of the resampling.

    Raises:
        UserError: as `gansmith.metrics.modes.modes_2d`.
    """
    centres = torch.tensor(info_modes, dtype=torch.float64)
    found = modes_2d(points, centres, sigma)
    counts, n = nearest_counts(points, centres), len(points)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n, counts / n, size=200)
    kl_low, kl_high = centred(found.kl, [uniform_kl(draw) for draw in draws])
    other = "" if n == SAMPLES else f"{n} points; published numbers use {SAMPLES}"
    of = f"of {len(centres)}; {other}".removesuffix("; ")

    def score(value: float, low: float | None, high: float | None, note: str = other) -> Score:
        return Score(value, low, high, n, "coordinates", "none", note)

    good = wilson(round(found.high_quality * n), n)
    return {
        "modes": score(float(found.found), None, None, of),
        "high_quality": score(found.high_quality, *good),
        "kl": score(found.kl, kl_low, kl_high),
    }


def _share(inside: Tensor) -> tuple[float, float, float]:
    count = int(inside.sum())
    low, high = wilson(count, len(inside))
    return count / len(inside), low, high
