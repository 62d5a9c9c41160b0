"""Vendi score (Friedman and Dieng 2023): how many different samples there effectively are."""

import math

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.intervals import Z95

GROUPS = 20
"""Of the jackknife: that many evaluations."""


def vendi_score(rows_NF: Tensor) -> float:
    """exp(-sum_i λ_i log λ_i), λ the eigenvalues of K / N, K the cosine similarities of the rows.

    Definition 3.1 of the paper, of order q = 1. Between 1, if all rows point the same way, and
    the smaller of N and F: k groups of equal rows at right angles to each other, all of the same
    size, score k. It knows neither real images nor quality, noise scores high; give that of real
    images beside it, at the same count, since it grows with N.

    K / N and the F x F matrix X'X / N of the unit rows X have the same eigenvalues but for zeros,
    so the smaller one is taken. Features are not centred: cosines are between the rows as given.

    Args:
        rows_NF: features of one set.

    Raises:
        UserError: for no sample, a row that is 0 and has no direction, or values that are not
            finite.
    """
    return _effective(_unit(rows_NF))


def vendi_interval(rows_NF: Tensor, seed: int = 0) -> tuple[float, float, float]:
    """The score with a 95 % interval: ``(value, low, high)``.

    The delete-a-group jackknife: the shuffled rows are dealt into 20 groups (or N, if that is
    less), the score is taken without each in turn, and the variance is (G - 1) / G times the sum
    of squares around the mean of these scores. Not a bootstrap: the score counts different rows,
    and a resample repeats a third of them, so with fewer rows than dimensions bootstrapped
    intervals are twice too wide. The interval is value ± 1.96 standard deviations, cut to what a
    score can be, 1 to min(N, F).

    Raises:
        UserError: as `vendi_score`, and for one sample, which has no spread.
    """
    rows = _unit(rows_NF, least=2)
    count = len(rows)
    value = _effective(rows)
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    group = torch.empty(count, dtype=torch.long)
    group[shuffled] = torch.arange(count) % GROUPS
    groups = min(GROUPS, count)
    without = np.array([_effective(rows[group != left_out]) for left_out in range(groups)])
    half = Z95 * math.sqrt((groups - 1) * without.var())
    return value, max(1.0, value - half), min(float(min(rows.shape)), value + half)


def _unit(rows: Tensor, least: int = 1) -> Tensor:
    rows = finite_rows(rows, "features", least)
    size = rows.abs().amax(1, keepdim=True)  # first: the squares of tiny or huge values are not
    if empty := int((size == 0).sum()):
        raise UserError(
            f"metrics: {empty} of {len(rows)} features are 0 in every dimension; the Vendi score "
            "compares directions, and they have none"
        )
    return torch.nn.functional.normalize(rows / size, dim=1)


def _effective(unit_NF: Tensor) -> float:
    small = unit_NF.T @ unit_NF if unit_NF.shape[1] < len(unit_NF) else unit_NF @ unit_NF.T
    share = torch.linalg.eigvalsh(small / len(unit_NF))
    share = share[share > 0]  # rounding leaves -1e-17 where there is 0
    return max(1.0, float((-(share * share.log()).sum()).exp()))
