"""What each player sees at each step: a function of the seed, the step and the global sample index.

Nothing here has a state. Step t of D reads the samples at places t·B .. (t+1)·B−1 of an endless
sequence of shuffled passes over the data; G's step reads another such sequence. So a run can be
picked up at any step, and cut into micro-batches that show the same samples, noise and flips; only
the distortions of `gansmith.data.augment` are drawn for each micro-batch.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gansmith.data import Dataset
from gansmith.data.augment import augment
from gansmith.engine import Engine, seeded
from gansmith.tasks import Micro, Side, View
from gansmith.tasks.generation import plain


@functools.lru_cache(maxsize=4)
def _shuffled(seed: int, player: Side, epoch: int, count: int) -> np.ndarray:
    return torch.randperm(count, generator=seeded(seed, f"order-{player}", epoch)).numpy()


def sample_indices(seed: int, player: Side, start: int, size: int, count: int) -> np.ndarray:
    """Which samples stand at places ``start .. start+size−1`` of the endless shuffled sequence.

    Every sample appears once in each pass of ``count`` places.
    """
    places = np.arange(start, start + size)
    epochs, offsets = np.divmod(places, count)
    parts = [
        _shuffled(seed, player, int(epoch), count)[offsets[epochs == epoch]]
        for epoch in np.unique(epochs)
    ]
    return np.concatenate(parts)


def to_network_range(x: Tensor) -> Tensor:
    """uint8 [0, 255] → float [−1, 1], channels-last; points pass through."""
    if x.dtype != torch.uint8:
        return x
    return (x.float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Batches:
    """Cuts the global batch of each step into micro-batches on the engine's device."""

    engine: Engine
    data: Dataset
    seed: int
    batch: int
    accumulate: int
    z_dim: int
    conditional: bool
    flip: bool
    policy: str = "none"
    spread: float = 1.0  # of points: they are divided by it, as `models.Spec` says

    def at(self, step: int, player: Side) -> list[Micro]:
        """The micro-batches of one player's step, in order."""
        indices = sample_indices(self.seed, player, step * self.batch, self.batch, len(self.data))
        generator = seeded(self.seed, f"noise-{player}", step)
        noise = torch.randn(self.batch, self.z_dim, generator=generator)
        mirrored = torch.rand(self.batch, generator=generator) < 0.5 if self.flip else None
        size = self.batch // self.accumulate
        return [
            self._micro(
                indices, noise, mirrored, slice(part, part + size), self._view(player, step, part)
            )
            for part in range(0, self.batch, size)
        ]

    def _view(self, player: Side, step: int, part: int) -> View:
        if self.policy == "none":
            return plain

        def view(x: Tensor, side: Literal["real", "fake"]) -> Tensor:
            draw = seeded(self.seed, f"augment-{player}-{side}", step, part)
            return augment(x, self.policy, draw)

        return view

    def _micro(
        self,
        indices: np.ndarray,
        noise_BZ: Tensor,
        mirrored_B: Tensor | None,
        part: slice,
        view: View,
    ) -> Micro:
        raw, labels_B = self.data.batch(indices[part])
        x = to_network_range(self.engine.place(raw))
        if self.spread != 1.0:
            x = x / self.spread
        if mirrored_B is not None:
            x = torch.where(self.engine.place(mirrored_B[part])[:, None, None, None], x.flip(3), x)
        labels = self.engine.place(labels_B) if self.conditional else None
        return Micro(x, labels, self.engine.place(noise_BZ[part]), view)
