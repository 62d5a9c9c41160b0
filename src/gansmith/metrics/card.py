"""A score with its interval, count, features and caveats; and the score card of points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.metrics.intervals import centred, wilson
from gansmith.metrics.modes import SAMPLES, modes_2d, nearest_counts, uniform_kl


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
