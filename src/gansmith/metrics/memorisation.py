"""Does a generator repeat its training set? Nearest neighbours, copy rate and the C_T test."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import feature_pair, finite_rows
from gansmith.metrics.clusters import assign, kmeans
from gansmith.metrics.intervals import Z95, wilson

AMONG = 10
"""Training neighbours that say what near means in a place."""
PLAUSIBLE = 0.01
"""The share of held-out samples that are called copies."""
PER_CELL = 50
CELLS = 50
_LEAST_HELD_OUT = 100
_COPY = 1e-3  # a ratio that only the same image has, decoded or batched in another way
_NUMBERS = 4_000_000  # of the distance matrix at a time: 32 MB


def nearest(query_MF: Tensor, real_NF: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k nearest rows of ``real_NF`` to each query: indices int64 Mk, distances float64 Mk.

    Exact, nearest first, float64, with about 32 MB of distances at a time. The distances of the
    rows found are taken again as plain differences, so that a copy is at distance 0 exactly.

    Raises:
        UserError: if there are fewer than k real rows, no query, values that are not finite, or
            unequal dimensions.
    """
    if k < 1:
        raise UserError(f"metrics: {k} neighbours were asked for; ask for at least 1")
    query = finite_rows(query_MF, "queried features", least=1)
    real = finite_rows(real_NF, "real features", least=k)
    if query.shape[1] != real.shape[1]:
        raise UserError(
            f"metrics: queried features have {query.shape[1]} dimensions and real ones "
            f"{real.shape[1]}; take both with the same extractor"
        )
    middle = real.mean(0)  # shorter vectors lose less to rounding in |a|² + |b|² - 2ab
    centred_real = real - middle
    indices, distances = [], []
    for part in query.split(max(1, _NUMBERS // len(real))):
        found = torch.cdist(part - middle, centred_real).topk(k, largest=False).indices
        away = torch.stack([(part - real[found[:, j]]).norm(dim=1) for j in range(k)], 1)
        away, order = away.sort(dim=1, stable=True)
        indices.append(found.gather(1, order))
        distances.append(away)
    return torch.cat(indices), torch.cat(distances)


@dataclass(frozen=True)
class Copies:
    """What `copy_rate` found.

    Attributes:
        rate: share of generated samples that are called copies; 0.01 is what real data give.
        low, high: its 95 % interval.
        threshold: the ratio of distances under which a sample is called one.
        copy_M: bool, per generated sample.
        source_M: int64, the training sample nearest to it.
        ratio_M: float64, its ratio of distances.
    """

    rate: float
    low: float
    high: float
    threshold: float
    copy_M: Tensor
    source_M: Tensor
    ratio_M: Tensor


def copy_rate(train_NF: Tensor, held_out_HF: Tensor, fake_MF: Tensor) -> Copies:
    """The share of generated samples that lie implausibly near to one training sample.

    A sample's ratio is its distance to the nearest training sample over the mean distance to
    the ten nearest (after the relative distance of Carlini et al. 2023, here on features). A
    copy has one neighbour that is much nearer than the others, however dense the place, so a
    generator that only draws typical samples is not called a copier, and a copy with noise or a
    shift still is. It is called a copy if its ratio is under the 1st percentile of the ratios of
    held-out real samples: real data score 0.01, give or take 0.2 / sqrt(H) for the finite number
    H of held-out samples, which the interval does not contain.

    Args:
        train_NF: what the generator was trained on. With a part of it only the copies of that
            part are found.
        held_out_HF: real samples that it has not seen, at least 100.
        fake_MF: generated samples.

    Raises:
        UserError: for too few samples, values that are not finite, unequal dimensions, or a
            held-out set that overlaps the training set.
    """
    train, held_out, fake = _three(train_NF, held_out_HF, fake_MF, AMONG)
    threshold = float(_ratios(train, held_out)[1].quantile(PLAUSIBLE))
    if threshold < _COPY:
        raise UserError(
            "metrics: more than 1 % of the held-out samples are copies of training samples; "
            "the two sets must not overlap"
        )
    source, ratio = _ratios(train, fake)
    copy = ratio < threshold
    count = int(copy.sum())
    return Copies(count / len(fake), *wilson(count, len(fake)), threshold, copy, source, ratio)


def _ratios(train: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    index, distance = nearest(query, train, AMONG)
    mean = distance.mean(1)
    # Ten copies of one image in the training set, replayed: 0 of 0 is a copy.
    return index[:, 0], torch.where(mean > 0, distance[:, 0] / mean.clamp(min=1e-300), 0.0)


@dataclass(frozen=True)
class Copying:
    """What `copying_test` found.

    Attributes:
        value: C_T; far below 0 is copying, about 0 is right, far above 0 is underfitting.
        low, high: ``value`` ± 1.96 deviations that C_T has for equal distributions.
        cells: the cells that both sets reach well enough to be compared in.
        share: the share of held-out samples in these cells.
    """

    value: float
    low: float
    high: float
    cells: int
    share: float


def copying_test(
    train_NF: Tensor,
    held_out_HF: Tensor,
    fake_MF: Tensor,
    cells: int | None = None,
    seed: int = 0,
) -> Copying:
    """C_T, the data-copying test of Meehan, Chaudhuri and Dasgupta 2020.

    Each sample has a distance to its nearest training sample. In each cell π of a k-means
    partition of the training set, `mann_whitney_z` compares the distances of generated and
    held-out samples; C_T = Σ P(π) Z(π) / Σ P(π), P(π) the share of held-out samples in π, over
    the cells that hold at least 20 generated samples (their τ = 20 / M) and 2 held-out ones.
    Generated samples that are systematically nearer make it negative.

    Equal distributions give each Z unit variance, so C_T has deviation sqrt(Σ P²) / Σ P. Z
    grows with the counts like their square root, so compare at equal counts and cells only.

    Args:
        train_NF: what the generator was trained on.
        held_out_HF: real samples that it has not seen, at least 100.
        fake_MF: generated samples, at least 20.
        cells: of the partition; by default one per 50 held-out samples, 50 at most.
        seed: of k-means.

    Raises:
        UserError: for too few samples, values that are not finite, unequal dimensions, or no
            cell that both sets reach.
    """
    train, held_out, fake = _three(train_NF, held_out_HF, fake_MF, 2)
    wanted = min(CELLS, max(1, len(held_out) // PER_CELL)) if cells is None else cells
    centres = kmeans(train, wanted, seed)
    ours, theirs = assign(held_out, centres), assign(fake, centres)
    ours_near, theirs_near = (nearest(rows, train)[1][:, 0] for rows in (held_out, fake))
    weights, scores = [], []
    for cell in range(len(centres)):
        one, other = theirs_near[theirs == cell], ours_near[ours == cell]
        if len(one) >= 20 and len(other) >= 2:
            weights.append(len(other))
            scores.append(mann_whitney_z(one, other))
    if not weights:
        raise UserError(
            f"metrics: none of {len(centres)} cells holds 20 generated and 2 held-out samples; "
            "give more samples, or fewer cells"
        )
    reached = sum(weights)
    value = sum(w * z for w, z in zip(weights, scores, strict=True)) / reached
    half = Z95 * math.sqrt(sum(w * w for w in weights)) / reached
    return Copying(value, value - half, value + half, len(weights), reached / len(held_out))


def mann_whitney_z(one_M: Tensor, other_N: Tensor) -> float:
    """(U - MN/2) / σ of the Mann-Whitney test; negative if ``one_M`` tends to be the smaller.

    U = R - M(M + 1)/2, R the sum of the ranks of ``one`` among all values, ties sharing their
    mean rank; σ² = MN(M + N + 1)/12. Ties make the true variance smaller; as in the paper this
    is not corrected for, which errs on the side of 0.
    """
    m, n = len(one_M), len(other_N)
    _, place, sizes = torch.cat([one_M, other_N]).unique(return_inverse=True, return_counts=True)
    t = sizes.double()
    rank = (t.cumsum(0) - (t - 1) / 2)[place]  # the mean rank of a group of ties
    u = float(rank[:m].sum()) - m * (m + 1) / 2
    return (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)


def _three(
    train: Tensor, held_out: Tensor, fake: Tensor, least: int
) -> tuple[Tensor, Tensor, Tensor]:
    train, fake = feature_pair(train, fake)
    held_out = finite_rows(held_out, "held-out features", _LEAST_HELD_OUT)
    if len(train) < least:
        raise UserError(f"metrics: {len(train)} training features are too few; give {least}")
    if held_out.shape[1] != train.shape[1]:
        raise UserError(
            f"metrics: held-out features have {held_out.shape[1]} dimensions and training ones "
            f"{train.shape[1]}; take both with the same extractor"
        )
    return train, held_out, fake
