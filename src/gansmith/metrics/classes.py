"""Which classes a generator draws, and how often, judged by a classifier."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.intervals import centred

SURE = 0.9  # probability
FAIR = 0.25  # of a class's share among the real data


@dataclass(frozen=True)
class Classes:
    """What `class_balance` found.

    Attributes:
        hit: classes with at least one generated sample, as published counts of modes have it;
            so one misread sample hits a class that is not drawn. ``counts_K`` tells them apart.
        kl: KL(generated | real) of the class shares, in nats.
        low, high: the 95 % interval of ``kl`` over draws of the generated set.
        counts_K: int64, generated samples per class.
    """

    hit: int
    kl: float
    low: float
    high: float
    counts_K: np.ndarray


def predicted(logits_MK: Tensor) -> Tensor:
    """The class with the largest logit, int64 M on the CPU.

    Raises:
        UserError: if there is no row, or a logit is not finite.
    """
    return finite_rows(logits_MK, "class logits", least=1).argmax(1)


def sure(logits_MK: Tensor, above: float = SURE) -> Tensor:
    """Whether the classifier gives its class a probability above ``above``, bool M on the CPU.

    Raises:
        UserError: if there is no row, or a logit is not finite.
    """
    return finite_rows(logits_MK, "class logits", least=1).softmax(1).amax(1) > above


def drawn(counts_K: np.ndarray, real_K: np.ndarray) -> int:
    """Classes of the real data that make at least a quarter of their real share of the samples.

    A classifier calls everything something, so a class hit once is not yet a class that is drawn.
    """
    share, fair = counts_K / counts_K.sum(), real_K / real_K.sum()
    return int(((share >= FAIR * fair) & (fair > 0)).sum())


def combined_labels(*labels_M: Tensor, classes: int = 10) -> Tensor:
    """Label vectors as digits of one number: int64 M in [0, classes ** number of vectors).

    StackedMNIST (Metz et al. 2017; Lin et al. 2018) lays three
    digits into the colour channels of one image; each channel is classified by itself, and
    ``combined_labels(red, green, blue)`` is one of 1,000 classes, 100 r + 10 g + b.

    Raises:
        UserError: if the vectors differ in length or hold labels outside [0, classes).
    """
    if not labels_M or any(part.shape != labels_M[0].shape or part.ndim != 1 for part in labels_M):
        shapes = ", ".join(str(tuple(part.shape)) for part in labels_M)
        raise UserError(f"metrics: label vectors of shapes {shapes or 'none'} do not combine")
    total = torch.zeros(len(labels_M[0]), dtype=torch.int64)
    for part in labels_M:
        total = total * classes + _labels(part, classes)
    return total


def class_balance(labels_M: Tensor, real_K: Tensor, seed: int = 0, resamples: int = 200) -> Classes:
    """Classes hit, and the KL divergence of generated from real class shares.

    KL(q | p) = sum q log(q / p) over the classes with q > 0, q the generated and p the real
    shares (the "reverse" KL of Metz et al. 2017). It is 0 for equal shares and, when j of K
    equal classes are hit evenly, log(K / j). Sampling noise lifts it by about (K - 1) / (2 M).
    A class that the real set lacks counts as half of its rarest one, so that KL stays finite.

    Args:
        labels_M: the classes of the generated samples, by a classifier (`predicted`).
        real_K: how often each class is among the real samples: counts or shares, not negative.
        seed: of the resampling.
        resamples: multinomial redraws for the interval, which `centred` moves onto the estimate.

    Raises:
        UserError: if there are no samples, labels outside [0, K), or no real classes.
    """
    weights = real_K.detach().cpu().double()
    if weights.ndim != 1 or not bool((weights.isfinite() & (weights >= 0)).all()):
        raise UserError("metrics: the real class counts must be K numbers that are not negative")
    if not bool((weights > 0).any()):
        raise UserError("metrics: no class has real samples to compare with")
    labels = _labels(labels_M, len(weights))
    if not len(labels):
        raise UserError("metrics: there are no class labels to count")
    share = torch.where(weights > 0, weights, weights[weights > 0].min() / 2).numpy()
    share = share / share.sum()
    counts = torch.bincount(labels, minlength=len(weights)).numpy()
    kl = _kl(counts, share)
    draws = np.random.default_rng(seed).multinomial(len(labels), counts / len(labels), resamples)
    low, high = centred(kl, [_kl(draw, share) for draw in draws])
    return Classes(int((counts > 0).sum()), kl, low, high, counts)


def _labels(labels: Tensor, classes: int) -> Tensor:
    whole = labels.detach().cpu()
    if whole.ndim != 1 or whole.is_floating_point() or whole.is_complex():
        raise UserError("metrics: class labels must be one vector of whole numbers")
    whole = whole.long()
    if len(whole) and not 0 <= int(whole.min()) <= int(whole.max()) < classes:
        raise UserError(
            f"metrics: class labels reach from {int(whole.min())} to {int(whole.max())}; "
            f"there are {classes} classes"
        )
    return whole


def _kl(counts: np.ndarray, share: np.ndarray) -> float:
    held = counts > 0
    q = counts[held] / counts.sum()
    return max(0.0, float((q * np.log(q / share[held])).sum()))
