"""Mean pairwise distance of generated images, against that of real ones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two batches of B images to B distances."""

PAIRS = 1000
_BATCH = 100


@dataclass(frozen=True)
class Diversity:
    """What `diversity_ratio` found.

    Attributes:
        ratio: mean distance of generated pairs over that of real ones; 1 is as varied as real.
        low, high: its 95 % interval, by bootstrap over both sets of pairs.
        real, fake: the mean distances.
        fake_low, fake_high: the 95 % interval of ``fake``.
        pairs: the number of generated pairs.
    """

    ratio: float
    low: float
    high: float
    real: float
    fake: float
    fake_low: float
    fake_high: float
    pairs: int


def pair_distances(
    images: Tensor, distance: Distance, pairs: int = PAIRS, seed: int = 0
) -> np.ndarray:
    """Distances of seeded random pairs, float64 P, with P = min(pairs, N // 2).

    No image is in two pairs, so the distances are independent and a bootstrap over them is
    honest.

    Args:
        images: N images (or any rows that ``distance`` takes).
        distance: `Distance`, called with up to 100 pairs.
        pairs: at most this many.
        seed: of the pairs.

    Raises:
        UserError: for fewer than 4 images, or if ``distance`` does not give one finite number
            per pair.
    """
    if len(images) < 4:
        raise UserError(f"metrics: {len(images)} images are too few; diversity needs at least 4")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(images)))
    count = max(1, min(pairs, len(images) // 2))
    firsts, seconds = order[:count].split(_BATCH), order[count : 2 * count].split(_BATCH)
    parts = []
    with torch.no_grad():
        for one, other in zip(firsts, seconds, strict=True):
            found = distance(images[one], images[other])
            if found.shape != (len(one),):
                raise UserError(
                    f"metrics: the distance gave shape {tuple(found.shape)} for {len(one)} pairs"
                )
            parts.append(found.cpu().double())
    values = torch.cat(parts).numpy()
    if not np.isfinite(values).all():
        raise UserError("metrics: some distances between images are NaN or infinite")
    return values


def diversity_ratio(
    real: Tensor,
    fake: Tensor,
    distance: Distance,
    pairs: int = PAIRS,
    seed: int = 0,
    resamples: int = 500,
) -> Diversity:
    """The ratio of the mean pairwise distance among generated samples to that among real ones.

    A ratio under 1 means that generated samples resemble each other more than real ones do.
    Above 1 they may be varied or merely broken: noise is far from everything. Odena et al. 2017,
    section 4.2, introduced it with MS-SSIM (`ms_ssim`), within classes.

    Args:
        real: N images (or rows), at least 4.
        fake: M images, at least 4; M need not be N.
        distance: `Distance`, such as `ms_ssim_distance`.
        pairs: of each set at most.
        seed: of the pairs and of the resampling.
        resamples: of the bootstrap over pairs.

    Raises:
        UserError: as `pair_distances`, or if real images are all at distance 0.
    """
    rng = np.random.default_rng(seed)
    ours, theirs = (pair_distances(images, distance, pairs, seed) for images in (real, fake))
    if not ours.mean() > 0:
        raise UserError("metrics: the real images are all alike; there is no diversity to compare")
    real_means, fake_means = (
        rng.choice(values, (resamples, len(values))).mean(1) for values in (ours, theirs)
    )
    held = real_means > 0  # a resample may hold copies only, where real data has many
    low, high = np.quantile(fake_means[held] / real_means[held], [0.025, 0.975])
    fake_low, fake_high = np.quantile(fake_means, [0.025, 0.975])
    return Diversity(
        ratio=float(theirs.mean() / ours.mean()),
        low=float(low),
        high=float(high),
        real=float(ours.mean()),
        fake=float(theirs.mean()),
        fake_low=float(fake_low),
        fake_high=float(fake_high),
        pairs=len(theirs),
    )
