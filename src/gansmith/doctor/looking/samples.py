"""What samples say: how varied they are, how much of the data they cover, whether they move."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansmith.doctor.looking.eyes import Eye
from gansmith.doctor.looking.pictures import Pictures
from gansmith.doctor.signs import Signs
from gansmith.metrics import nearest, precision_recall
from gansmith.metrics.birthday import duplicate_distance
from gansmith.metrics.clusters import assign, kmeans
from gansmith.metrics.density_coverage import density_coverage

CLUSTERS = 10
NEIGHBOURS = 5
PART = 0.25  # of its share of the real samples, that a mode must be drawn with to count
LEAST = 16  # samples of either side
LEAST_IN = 5  # samples of a cluster, to speak of its inner variety
FEW = 2_048  # training samples that are all looked through for copies
IMAGE_CHANNELS = (1, 3)


def _mean_distance(rows: Tensor) -> float:
    return float(torch.pdist(rows).mean()) if len(rows) > 1 else 0.0


@dataclass(frozen=True)
class _Cells:
    """The modes of the data: centres, and how the real samples share in them and vary within."""

    centres_KF: Tensor
    share_K: Tensor
    inner_K: Tensor

    @classmethod
    def of(cls, real: Tensor, centres: Tensor) -> "_Cells":
        cell = assign(real, centres)
        share = torch.bincount(cell, minlength=len(centres)).double() / len(real)
        members = [real[cell == k] for k in range(len(centres))]
        inner = torch.tensor(  # 0 where there are too few to say
            [_mean_distance(rows) if len(rows) >= LEAST_IN else 0.0 for rows in members],
            dtype=torch.float64,
        )
        return cls(centres[share > 0], share[share > 0], inner[share > 0])

    def signs(self, fake: Tensor) -> Signs:
        """``modes`` and, where some cell holds enough samples, ``intra_diversity``."""
        cell = assign(fake, self.centres_KF)
        count = torch.bincount(cell, minlength=len(self.centres_KF)).double()
        least = (PART * self.share_K * len(fake)).clamp(min=1.0)
        found = {"modes": float((count >= least).double().mean())}
        ratios = [
            _mean_distance(fake[cell == k]) / float(self.inner_K[k])
            for k in range(len(count))
            if count[k] >= LEAST_IN and self.inner_K[k] > 0
        ]
        if ratios:
            found["intra_diversity"] = sorted(ratios)[len(ratios) // 2]
        return found


class Reference:
    """Real samples, looked at once, which generated ones are held against again and again.

    Args:
        real: (N, ...) real samples in the range that D sees; at least 16, and as many as will be
            compared with them, since coverage depends on the counts.
        eye: the features; a function of samples.
        centres: of the data's modes in these features, where they are known; otherwise found by
            k-means.
        pictures: whether the samples are images, with a range and a spectrum.
        held: real samples that are not trained on.
        train: all training samples where they are few, to look for copies among.
    """

    def __init__(
        self,
        real: Tensor,
        eye: Eye,
        *,
        centres: Tensor | None = None,
        pictures: bool | None = None,
        held: Tensor | None = None,
        train: Tensor | None = None,
    ) -> None:
        self.eye = eye
        rows = eye(real).double().cpu()
        self.real_NF = rows
        self.distance = _mean_distance(rows)
        self.variance = float(real.detach().float().flatten(1).var(0).sum())
        distinct = kmeans(rows, CLUSTERS) if centres is None else centres.double().cpu()
        self._cells = _Cells.of(rows, distinct)
        if pictures is None:
            pictures = (
                real.ndim == 4 and real.shape[1] in IMAGE_CHANNELS and min(real.shape[2:]) > 3
            )
        self.pictures = Pictures(real) if pictures else None
        self._held_NF = None if held is None else eye(held).double().cpu()
        self._train_NF = None if train is None else eye(train).double().cpu()
        self._same, self._near = self._thresholds()
        self.leaked = self._leak()

    def _thresholds(self) -> tuple[float | None, float | None]:
        """Within what distance two samples are the same; within what one is a training sample's
        copy."""
        known = self.real_NF if self._train_NF is None else self._train_NF
        near_N = nearest(self.real_NF, self.real_NF, k=2)[1][:, 1]
        same = duplicate_distance(self.real_NF) if _distinct(near_N) else None
        if self._train_NF is None:
            return same, None
        if self._held_NF is not None:
            away = nearest(self._held_NF, known, k=1)[1][:, 0]
        else:
            away = nearest(known, known, k=2)[1][:, 1]
        away = away[away > 1e-3 * away.median()]
        return same, float(away.quantile(0.01)) / 2 if len(away) else None

    def _leak(self) -> float | None:
        """Share of the held-out samples that stand in the training data, as far as it is here."""
        if self._held_NF is None or not self.distance:
            return None
        known = self.real_NF if self._train_NF is None else self._train_NF
        away = nearest(self._held_NF, known, k=1)[1][:, 0]
        return float((away < 1e-4 * self.distance).double().mean())

    def rows(self, fake: Tensor) -> Tensor:
        """The features (M, F), float64, of generated samples (M, ...)."""
        return self.eye(fake).double().cpu()

    def signs(self, fake: Tensor) -> tuple[Signs, Tensor]:
        """The signs of generated samples (M, ...), and their features (M, F), float64.

        Nothing is said of samples that are not finite, or of fewer than 16.
        """
        rows = self.rows(fake)
        if len(rows) < LEAST or not bool(rows.isfinite().all()):
            return {}, rows
        spread = float(fake.detach().float().flatten(1).var(0).sum())
        found: Signs = {}
        if self.distance and self.variance:
            found["noise_share"] = spread / self.variance
            found["diversity"] = _mean_distance(rows) / self.distance
            found |= self._cells.signs(rows)
        real = self.real_NF[: len(rows)]
        if len(real) > NEIGHBOURS:
            found["precision"], found["recall"] = precision_recall(real, rows)
            found["coverage"] = density_coverage(real, rows, NEIGHBOURS)[1]
        if self._same is not None:
            away = nearest(rows, rows, k=2)[1][:, 1]
            found["duplicates"] = float((away < self._same).double().mean())
        if self._near is not None and self._train_NF is not None:
            away = nearest(rows, self._train_NF, k=1)[1][:, 0]
            found["copies"] = float((away < self._near).double().mean())
        if self.leaked is not None:
            found["leaked"] = self.leaked
        if self.pictures is not None:
            found |= self.pictures.signs(fake)
        return found, rows


def _distinct(near_N: Tensor) -> bool:
    """Whether there are enough samples, and enough different ones, to say what a duplicate is."""
    return len(near_N) >= 100 and float(near_N.median()) > 0


@dataclass
class Track:
    """Where the same noise leads from look to look: whether samples move, and back and forth."""

    scale: float  # mean distance of two real samples
    rows: Tensor | None = None
    shift: Tensor | None = field(default=None)

    def begin(self, rows_MF: Tensor) -> None:
        """Where it leads before the game: the first look tells how far samples have gone since."""
        if bool(rows_MF.isfinite().all()):
            self.rows = rows_MF

    def signs(self, rows_MF: Tensor) -> Signs:
        """``moved``, and ``turned`` where it is the second time; remembers the features."""
        found: Signs = {}
        if self.rows is not None and self.rows.shape == rows_MF.shape and self.scale:
            found["moved"] = float((rows_MF - self.rows).norm(dim=1).mean()) / self.scale
            shift = rows_MF.mean(0) - self.rows.mean(0)
            if self.shift is not None:
                found["turned"] = float(torch.cosine_similarity(shift, self.shift, dim=0))
            self.shift = shift
        self.rows = rows_MF
        return found
