"""Means and covariances of a stream of features: a Fréchet distance in constant memory."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.checks import finite_rows
from gansmith.metrics.frechet import Statistics, distance
from gansmith.metrics.intervals import Z95

GROUPS = 20
WIDE = 512  # dimensions from which a distance takes seconds, and half the groups do


def groups_of(features: int) -> int:
    """Into how many groups the batches of so many dimensions are counted."""
    return GROUPS if features <= WIDE else GROUPS // 2


class Moments:
    """Sums of features and of their products, in groups of rows that can be left out in turn.

    Sums are float64 and taken around the first batch's mean, so that a million rows lose nothing
    that matters. Memory is that of ``groups`` matrices of F x F.

    Processes that share a stream each count whole groups, around the same ``shift``: then `merged`
    has, to the bit, the sums of one process that counted all.
    """

    def __init__(self, features: int, shift_F: Tensor | None = None) -> None:
        """Of nothing yet.

        Args:
            features: F.
            shift_F: around what sums are taken, float64; by default the first batch's mean.
        """
        self.groups = groups_of(features)
        self._shift: Tensor | None = shift_F
        self._counts = torch.zeros(self.groups, dtype=torch.float64)
        self._sums = torch.zeros(self.groups, features, dtype=torch.float64)
        self._products = torch.zeros(self.groups, features, features, dtype=torch.float64)
        self._batches = 0

    def __len__(self) -> int:
        return int(self._counts.sum())

    def add(self, features_BF: Tensor, number: int | None = None) -> None:
        """Count a batch of rows; batches go to the groups in turn.

        Args:
            features_BF: the rows.
            number: which batch of the stream it is, where not all of them come here.

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
        turn = self._batches if number is None else number
        away, group = rows - self._shift, turn % self.groups
        self._counts[group] += len(rows)
        self._sums[group] += away.sum(0)
        self._products[group].addmm_(away.T, away)
        self._batches += 1

    @classmethod
    def merged(cls, parts: Sequence["Moments"]) -> "Moments":
        """Of all batches that the parts counted.

        Raises:
            ValueError: if they have different shifts, or two of them counted in one group: that
                sum would depend on the order.
        """
        shift = parts[0]._shift
        whole = cls(parts[0]._sums.shape[1], shift)
        for part in parts:
            if shift is None or part._shift is None or not torch.equal(shift, part._shift):
                raise ValueError("moments around different shifts are not parts of one stream")
            if ((whole._counts > 0) & (part._counts > 0)).any():
                raise ValueError("two parts counted in one group")
            whole._counts += part._counts
            whole._sums += part._sums
            whole._products += part._products
            whole._batches += part._batches
        return whole

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
