"""The crowd: how many different real samples, and classes, the players have been shown.

Counted are the samples of the steps that are listened to, which is a few in every hundred: a data
set so small that it is a fault comes round many times in those.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansmith.doctor.hearing.kinship import plain

FEW = 150  # different samples: D knows so few by heart within minutes, whatever they are


@dataclass
class Crowd:
    """The real samples and labels that the players have been shown.

    Attributes:
        seen: hashes of the different samples, `FEW` and one at most.
        shown: how many were shown; a sample counts once in a step of the game, however often D
            was asked of it.
        now: hashes of those of the present step of the game, and its number.
        labels: the different labels, two at most.
        batches: the steps of the game with labels, until there were two.
    """

    seen: set[int] = field(default_factory=set)
    shown: int = 0
    now: set[int] = field(default_factory=set)
    step: int = -1
    labels: set[int] = field(default_factory=set)
    batches: set[int] = field(default_factory=set)

    @property
    def many(self) -> bool:
        """Whether there are enough samples: nothing more is counted then."""
        return len(self.seen) > FEW

    def add(self, step: int, samples_N: Tensor) -> None:
        """Count real samples (N, ...) that D was shown in a step of the game."""
        if step != self.step:
            self.step, self.now = step, set()
        rows = plain(samples_N).flatten(1).contiguous().cpu()
        for row in rows.view(torch.uint8).numpy():
            self._count(hash(row.tobytes()))
            if self.many:
                return

    def _count(self, sample: int) -> None:
        if sample not in self.now:
            self.now.add(sample)
            self.seen.add(sample)
            self.shown += 1

    def label(self, step: int, labels_N: Tensor) -> None:
        """Note the classes that a net was given."""
        if len(self.labels) < 2:
            self.labels |= set(labels_N.unique()[:2].tolist())
            self.batches.add(step)


def classes(values: list[Tensor], count: int) -> Tensor | None:
    """The labels (N,) of so many samples among what a net was given: numbers, or rows of a one."""
    for value in map(plain, values):
        if len(value) != count or value.dtype == torch.bool:
            continue
        if value.ndim == 1 and not value.is_floating_point() and not value.is_complex():
            return value.long()
        if value.ndim == 2 and 1 < value.shape[1] <= 1024 and _one_hot(value):
            return value.argmax(1)
    return None


def _one_hot(value: Tensor) -> bool:
    return bool(((value == 0) | (value == 1)).all() and (value.sum(1) == 1).all())
