"""A score with its interval, count, features and caveats; the cards of points and of modes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.metrics.classes import class_balance
from gansmith.metrics.intervals import centred, wilson
from gansmith.metrics.modes import SAMPLES, modes_2d, nearest_counts, uniform_kl

MODE_SAMPLES = 26_000
"""The number of images in the StackedMNIST protocol (Metz et al. 2017; Lin et al. 2018)."""
MODE_SCORES = ("modes", "kl")


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
    of = f"{found.found} of {len(centres)}; {other}".removesuffix("; ")

    def score(value: float, low: float | None, high: float | None, note: str = other) -> Score:
        return Score(value, low, high, n, "coordinates", "none", note)

    good = wilson(round(found.high_quality * n), n)
    return {
        "modes": score(float(found.found), None, None, of),
        "high_quality": score(found.high_quality, *good),
        "kl": score(found.kl, kl_low, kl_high),
    }


def mode_card(
    labels_M: Tensor, modes: int, features: str, resize: str, seed: int = 0
) -> dict[str, Score]:
    """``modes`` and ``kl`` of generated images whose classes count as modes.

    A mode is found with one image in it. KL(p | uniform) = sum p log(K p) in nats, p the shares
    of the generated images: the direction that Metz et al. 2017 call reverse, and the one of the
    published numbers, for M = 26,000. At small M chance alone finds fewer modes, K (1 - (1 -
    1/K)^M) of them, and lifts KL by about (K - 1) / (2 M).

    Args:
        labels_M: the class of each image, by a classifier: whole numbers in [0, modes).
        modes: K, how many there are.
        features: of the classifier, as it stands in the score.
        resize: how images were brought to its size, in words.
        seed: of the resampling.

    Raises:
        UserError: as `gansmith.metrics.classes.class_balance`.
    """
    found, n = class_balance(labels_M, torch.ones(modes), seed), len(labels_M)
    other = "" if n == MODE_SAMPLES else f"published numbers use {MODE_SAMPLES:,} samples"
    even = modes * (1 - (1 - 1 / modes) ** n)
    hit = f"of {modes:,}; even draws would find {even:.4g}"
    return {
        "modes": Score(
            float(found.hit), None, None, n, features, resize, "; ".join(filter(None, (hit, other)))
        ),
        "kl": Score(found.kl, found.low, found.high, n, features, resize, other),
    }
