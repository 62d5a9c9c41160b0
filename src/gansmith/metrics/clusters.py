"""Seeded k-means: the cells in which the bin and copying tests count."""

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows

ITERATIONS = 30
_ROWS = 4000  # of the distance matrix at a time: 3 MB against 100 centres


def kmeans(rows_NF: Tensor, count: int, seed: int = 0) -> Tensor:
    """Centres of ``count`` cells, float64 KF: k-means++ seeding, then Lloyd's iterations.

    Seeding draws each next centre with a probability in proportion to the squared distance to
    the nearest one so far (Arthur and Vassilvitskii 2007, section 2.2). Lloyd's iterations end
    when no row changes its cell, or after 30; a cell that loses all its rows keeps its centre.
    Where there are fewer distinct rows than ``count`` there is one centre per distinct row.

    Raises:
        UserError: for no rows, values that are not finite, or a count that is not positive.
    """
    rows = finite_rows(rows_NF, "features to cluster", least=1)
    if count < 1:
        raise UserError(f"metrics: {count} clusters were asked for; ask for at least 1")
    centres = _seeds(rows, count, np.random.default_rng(seed))
    labels = torch.full((len(rows),), -1)
    for _ in range(ITERATIONS):
        moved = assign(rows, centres)
        if torch.equal(moved, labels):
            break
        labels = moved
        sizes = torch.bincount(labels, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, labels, rows)
        held = sizes > 0
        centres[held] = sums[held] / sizes[held, None]
    return centres


def assign(rows_NF: Tensor, centres_KF: Tensor) -> Tensor:
    """The nearest centre of each row, int64 N."""
    middle = centres_KF.mean(0)  # shorter vectors lose less to rounding in |a|² + |b|² - 2ab
    centres = centres_KF - middle
    parts = [torch.cdist(part - middle, centres).argmin(1) for part in rows_NF.split(_ROWS)]
    return torch.cat(parts)


def _seeds(rows: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    chosen = [int(rng.integers(len(rows)))]
    gap = (rows - rows[chosen[0]]).square().sum(1)
    while len(chosen) < count and (total := float(gap.sum())) > 0:
        pick = int(rng.choice(len(rows), p=gap.numpy() / total))
        chosen.append(pick)
        gap = torch.minimum(gap, (rows - rows[pick]).square().sum(1))
    return rows[chosen].clone()
