"""Means and covariances of a stream of features: a Fréchet distance in constant memory."""

import math

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.frechet import Statistics, distance
from gansmith.metrics.intervals import Z95

GROUPS = 20
WIDE = 512  # dimensions from which a distance takes seconds, and half the groups do


class Moments:
    """Sums of features and of their products, in groups of rows that can be left out in turn.

    Sums are float64 and taken around the first batch's mean, so that a million rows lose nothing
    that matters. Memory is that of ``groups`` matrices of F x F.
    """

    def __init__(self, features: int) -> None:
        self.groups = GROUPS if features <= WIDE else GROUPS // 2
        self._shift: Tensor | None = None
        self._counts = torch.zeros(self.groups, dtype=torch.float64)
        self._sums = torch.zeros(self.groups, features, dtype=torch.float64)
        self._products = torch.zeros(self.groups, features, features, dtype=torch.float64)
        self._batches = 0

    def __len__(self) -> int:
        return int(self._counts.sum())

    def add(self, features_BF: Tensor) -> None:
        """Count a batch of rows; batches go to the groups in turn.

        Raises:
            UserError: if a row is not finite, or of another width.
        """
        rows = finite_rows(features_BF, "features", least=1)
        if rows.shape[1] != self._sums.shape[1]:
            raise UserError(
                f"metrics: features of {rows.shape[1]} dimensions after ones of "
                f"{self._sums.shape[1]}; take both with the same extractor"
            )
        if self._shift is None:
            self._shift = rows.mean(0)
        away, group = rows - self._shift, self._batches % self.groups
        self._counts[group] += len(rows)
        self._sums[group] += away.sum(0)
        self._products[group].addmm_(away.T, away)
        self._batches += 1

    def statistics(self, without: int | None = None) -> Statistics:
        """Mean and covariance of all rows, or of all but one group's.

        Raises:
            UserError: if fewer than 2 rows are left.
        """
        kept = torch.ones(self.groups, dtype=torch.bool)
        if without is not None:
            kept[without] = False
        count = float(self._counts[kept].sum())
        if count < 2 or self._shift is None:
            raise UserError(f"metrics: {count:.0f} features are too few for a covariance")
        mean = self._sums[kept].sum(0) / count
        sigma = (self._products[kept].sum(0) - count * torch.outer(mean, mean)) / (count - 1)
        return {"mu": (mean + self._shift).numpy(), "sigma": np.atleast_2d(sigma.numpy())}

    def filled(self) -> list[int]:
        """The groups that hold rows."""
        return [group for group in range(self.groups) if self._counts[group] > 0]


def frechet_streamed(real: Moments, fake: Moments) -> tuple[float, float, float]:
    """The Fréchet distance of two streams with a 95 % interval: ``(value, low, high)``.

    The interval is value ± 1.96 deviations by the jackknife that leaves out one group of generated
    rows at a time (Shao and Wu 1989); the real side is held fixed.

    Raises:
        UserError: for too few rows, or unequal dimensions.
    """
    reference, whole = real.statistics(), fake.statistics()
    if reference["mu"].shape != whole["mu"].shape:
        raise UserError("metrics: real and generated features differ in dimensions")
    value, groups = distance(reference, whole), fake.filled()
    left = [distance(reference, fake.statistics(without=group)) for group in groups]
    if len(left) < 2:
        return value, value, value
    half = Z95 * math.sqrt((len(left) - 1) * float(np.var(left)))
    return value, max(0.0, value - half), value + half
