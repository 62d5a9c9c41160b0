"""What each player sees at each step: a function of the seed, the step and the global sample index.

Nothing here has a state. Step t of D reads the samples at places t·B .. (t+1)·B−1 of an endless
sequence of shuffled passes over the data; G's step reads another such sequence. So a run can be
picked up at any step, and cut into micro-batches that show the same samples, noise and flips; what
D sees them through (distortions, instance noise, flipped labels) and where penalties are taken is
drawn for each micro-batch. Ranks share each micro-batch, and all of its draws: each takes its own
rows (`gansmith.engine.Share`), so that together they see what one process would.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gansmith.data import Blocks, Dataset, ReadAhead, block_order, blocks_of
from gansmith.data.augment import augment, sometimes
from gansmith.engine import Draw, Engine, Parcel, Post, Share, seeded, sent
from gansmith.models import PRIORS
from gansmith.tasks import Draws, Give, Micro, Side, View, plain
from gansmith.training.ahead import Ahead


@functools.lru_cache(maxsize=4)
def _shuffled(
    seed: int, player: Side, epoch: int, count: int, blocks: Blocks | None = None
) -> np.ndarray:
    draw = seeded(seed, f"order-{player}", epoch)
    if blocks is not None:
        return block_order(blocks, seeded(seed, "blocks", epoch), draw)  # both players': one read
    return torch.randperm(count, generator=draw).numpy()


def sample_indices(
    seed: int, player: Side, start: int, size: int, count: int, blocks: Blocks | None = None
) -> np.ndarray:
    """Which samples stand at places ``start .. start+size−1`` of the endless shuffled sequence.

    Every sample appears once in each pass of ``count`` places. Of data that lie in ``blocks`` the
    samples of a window of them come before those of the next one.
    """
    places = np.arange(start, start + size)
    epochs, offsets = np.divmod(places, count)
    parts = [
        _shuffled(seed, player, int(epoch), count, blocks)[offsets[epochs == epoch]]
        for epoch in np.unique(epochs)
    ]
    return np.concatenate(parts)


def to_network_range(x: Tensor, low: float = -1.0, high: float = 1.0) -> Tensor:
    """uint8 [0, 255] → float [low, high], channels-last; points pass through."""
    if x.dtype != torch.uint8:
        return x
    scale = 255.0 / (high - low)
    return (x.float() / scale + low).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class _Eye:
    """How D sees a micro-batch, and the draws that are its own."""

    view: View
    moved: View
    drawn: Draws


@dataclass(frozen=True)
class Piece:
    """A micro-batch as the host has read it: our rows, perhaps still on their way to the device.

    ``indices`` and ``mirrored_B`` are of all ranks' rows, and stay with the host.
    """

    parcel: Parcel
    indices: np.ndarray
    mirrored_B: Tensor | None


def reading_ahead(engine: Engine) -> Ahead[list[Piece]] | None:
    """A reader of the next step's batches where there is a device beside the host: on CUDA.

    On a CPU the reader would take from the step what it gives: a batch is half a per cent of it.
    """
    return Ahead(Post(engine.device)) if engine.device.type == "cuda" else None


@dataclass(frozen=True)
class Batches:
    """Cuts the batch of each step into micro-batches, and takes this rank's share of each."""

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
    prior: str = "normal"  # of the noise: a name in `models.PRIORS`
    range: tuple[float, float] = (-1.0, 1.0)  # of images, black to white: that of G's output
    give: Give | None = None  # in tasks whose G reads more than noise
    pac: int = 1  # samples that D judges together: they stay on one rank
    ahead: Ahead[list[Piece]] | None = None  # reads and sends the next step's while a step runs

    def at(self, step: int, player: Side, chance: float = 0.0) -> list[Micro]:
        """The micro-batches of one player's step, in order.

        With a ``chance`` images go, each with it, also through the distortions that the policy
        lacks; those of the policy itself are seen always.
        """
        share = self.share
        if self.ahead is None:
            pieces = self._read(player, share, step)
        else:
            read = functools.partial(self._read, post=self.ahead.post)
            pieces = self.ahead.take(read, player, share, step)
        size = self.batch // self.accumulate
        eyes = (self._eye(player, step, part, chance) for part in range(0, self.batch, size))
        return [self._micro(piece, share, eye) for piece, eye in zip(pieces, eyes, strict=True)]

    def close(self) -> None:
        """Read no further ahead."""
        if self.ahead is not None:
            self.ahead.close()

    @property
    def share(self) -> Share:
        """Which rows of each micro-batch are this rank's."""
        return self.engine.share(self.pac)

    def _read(self, player: Side, share: Share, step: int, post: Post | None = None) -> list[Piece]:
        """What of a step is read and drawn by the host, sent by a post or at once."""
        indices = self._indices(player, share, step * self.batch)
        generator = seeded(self.seed, f"noise-{player}", step)
        noise = PRIORS[self.prior](torch.randn(self.batch, self.z_dim, generator=generator))
        mirrored = torch.rand(self.batch, generator=generator) < 0.5 if self.flip else None
        size, found = self.batch // self.accumulate, []
        for part in range(0, self.batch, size):
            here = slice(part, part + size)
            own = share.places(size // share.world)
            raw, labels_B = self.data.batch(indices[here][own.numpy()])
            content = {"raw": raw, "noise": noise[here][own]}
            if self.conditional:
                content["labels"] = labels_B
            if mirrored is not None:
                content["mirrored"] = mirrored[here][own]
            parcel = post.send(content) if post else self._handed_over(content)
            flips = None if mirrored is None else mirrored[here]
            found.append(Piece(parcel, indices[here], flips))
        return found

    def _handed_over(self, content: dict[str, Tensor]) -> Parcel:
        device = self.engine.device
        return Parcel({key: self.engine.place(x) for key, x in content.items()}, device)

    def _indices(self, player: Side, share: Share, start: int) -> np.ndarray:
        """The samples at these places; data that are read while they are asked for hear of more."""
        data, size = self.data, self.batch

        def placed(first: int) -> np.ndarray:
            return sample_indices(self.seed, player, first, size, len(data), blocks_of(data))

        def ours(first: int) -> np.ndarray:
            """Of what stands there, what this rank will read."""
            part = size // self.accumulate
            own = share.places(part // share.world).numpy()
            parts = np.split(placed(first), self.accumulate)
            return np.concatenate([each[own] for each in parts])

        if isinstance(data, ReadAhead):
            data.expect(ours(start + size), ours(start + size + data.blocks.reach))
        return placed(start)

    def _eye(self, player: Side, step: int, part: int, chance: float) -> _Eye:
        """The draws and distortions of one micro-batch."""

        share = self.share

        def drawn_by(stream: str) -> Draw:
            return Draw(seeded(self.seed, stream, step, part), share)

        def drawn(stream: str) -> Draw:
            return drawn_by(f"{stream}-{player}")

        def distorted(policy: str, stream: str, chance: float = 0.0) -> View:
            def distort(x: Tensor, side: Literal["real", "fake"]) -> Tensor:
                x = augment(x, policy, drawn_by(f"{stream}-{player}-{side}"))
                if chance:
                    draw = drawn_by(f"{stream}-more-{player}-{side}")
                    x = sometimes(x, policy, chance, draw)
                return x

            def view(x: Tensor, side: Literal["real", "fake"]) -> Tensor:
                if self.range == (-1.0, 1.0):
                    return distort(x, side)
                # The distortions know black as −1 and mid-grey as 0.
                low, high = self.range
                half = (high - low) / 2.0
                return (distort((x - low) / half - 1.0, side) + 1.0) * half + low

            return view

        bare = self.policy == "none" and not chance
        view = plain if bare else distorted(self.policy, "augment", chance)
        return _Eye(view, distorted("translation", "moved"), drawn)

    def _micro(self, piece: Piece, share: Share, eye: _Eye) -> Micro:
        """What the player sees of our rows."""
        content = piece.parcel.open()
        x = self._samples(content["raw"], content.get("mirrored"))
        given = None
        if self.give is not None:  # whoever has the whole batch need not read it again
            whole = x

            def others(order: Tensor) -> Tensor:
                if share.world == 1:
                    return whole[sent(order, whole.device)]
                flips = None if piece.mirrored_B is None else piece.mirrored_B[order]
                raw, _ = self.data.batch(piece.indices[order.numpy()])
                placed = None if flips is None else self.engine.place(flips)
                return self._samples(self.engine.place(raw), placed)

            x, given = self.give(x, eye.drawn, others)
        labels_B, noise_BZ = content.get("labels"), content["noise"]
        return Micro(x, labels_B, noise_BZ, eye.view, eye.moved, eye.drawn, given)

    def _samples(self, raw: Tensor, mirrored_B: Tensor | None) -> Tensor:
        """Samples as the nets see them, on the device."""
        x = to_network_range(raw, *self.range)
        if self.spread != 1.0:
            x = x / self.spread
        if mirrored_B is not None:
            x = torch.where(mirrored_B[:, None, None, None], x.flip(3), x)
        return x
