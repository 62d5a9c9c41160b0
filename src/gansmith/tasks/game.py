"""What tasks and the loop agree on: what a player sees, what moves, what is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from gansmith.engine import Draw

Side = Literal["D", "G"]  # whose step it is
Kind = Literal["real", "fake"]  # of a sample
Terms = dict[str, Tensor]
Draws = Callable[[str], Draw]  # by the name of what is drawn
Others = Callable[[Tensor], Tensor]  # from places in the ranks' common batch to its samples


class View(Protocol):
    """A differentiable distortion of a batch, the same kind for real and for fake."""

    def __call__(self, x: Tensor, side: Kind) -> Tensor: ...


class Give(Protocol):
    """What the players are given of samples as the data hold them.

    ``real`` is what D is to see, ``given`` what G reads beside the noise: for a completion the
    picture and the picture with a hole, for a translation the two sides of a pair. ``others`` has
    the samples of the whole batch, of which x is this rank's share.
    """

    def __call__(self, x: Tensor, draws: Draws, others: Others) -> tuple[Tensor, Tensor]: ...


def plain(x: Tensor, side: Kind) -> Tensor:
    """The view that distorts nothing."""
    del side
    return x


def undrawn(stream: str) -> Draw:
    """The draws of a micro-batch that nobody seeded: the same ones each time."""
    return Draw(torch.Generator().manual_seed(len(stream)))


@dataclass(frozen=True)
class Micro:
    """What one player sees in one (micro-)step: all of it a function of the seed and the step."""

    real: Tensor  # (B, C, H, W) in the range of G's output, or (B, 2) points
    labels_B: Tensor | None  # classes of the real samples; the fake ones are made of the same
    noise_BZ: Tensor  # N(0, I), or U(−1, 1)
    view: View = plain  # how D sees both sides
    moved: View = plain  # a small shift that keeps the meaning, for the consistency of D
    draws: Draws = undrawn
    given: Tensor | None = None  # what G reads beside the noise, in tasks that give it something


@dataclass(frozen=True)
class Controls:
    """The numbers that move during training: set by schedules, or by a doctor's advice."""

    gamma: float
    sigma: float = 0.0  # of the noise on all that D sees
    d_real: float = 0.0  # moving averages of D's outputs, which LeCam's regulariser anchors on
    d_fake: float = 0.0


class Task(Protocol):
    """What D and G minimise on a batch: named scalar terms, and signals to watch (detached)."""

    @property
    def players(self) -> tuple[Side, ...]:
        """In the order of their steps."""
        ...

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]: ...

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]: ...
