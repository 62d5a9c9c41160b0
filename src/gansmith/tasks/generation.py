"""Generation: noise in, samples out, judged by one discriminator.

The whole objective fits this screen: D's step, G's step, and the penalties between them.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from gansmith.losses import LOSSES, squared_gradient_norm, zero_centred_penalty

Side = Literal["D", "G"]  # whose step it is


class View(Protocol):
    """A differentiable distortion of a batch, the same kind for real and for fake."""

    def __call__(self, x: Tensor, side: Literal["real", "fake"]) -> Tensor: ...


def plain(x: Tensor, side: Literal["real", "fake"]) -> Tensor:
    """The view that distorts nothing."""
    del side
    return x


@dataclass(frozen=True)
class Micro:
    """What one player sees in one (micro-)step: all of it a function of the seed and the step."""

    real: Tensor  # (B, C, H, W) in [−1, 1], or (B, 2) points
    labels_B: Tensor | None  # classes of the real samples; the fake ones are made of the same
    noise_BZ: Tensor  # N(0, I)
    view: View = plain  # how D sees both sides


@dataclass(frozen=True)
class Controls:
    """The numbers that move during training: set by schedules, or by a doctor's advice."""

    gamma: float
    sigma: float = 0.0  # of the instance noise
    step: int = 0  # of the player whose turn it is: draws are seeded by it
    d_real: float = 0.0  # moving averages of D's mean outputs, where the task asks for them
    d_fake: float = 0.0


class Task(Protocol):
    """What D and G minimise on a batch: named scalar terms, and signals to watch (detached)."""

    @property
    def players(self) -> tuple[Side, ...]: ...

    def d_terms(
        self, micro: Micro, controls: Controls
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]: ...

    def g_terms(
        self, micro: Micro, controls: Controls
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]: ...


Pair = tuple[Tensor, Tensor]


def uses_batch_statistics(net: nn.Module) -> bool:
    """Whether what the net says of a sample depends on the rest of its batch."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in net.modules())


def judge(
    D: nn.Module, real: Tensor, fake: Tensor, labels_B: Tensor | None, penalised: int
) -> tuple[Pair, Pair | None]:
    """D's logits on real and fake, and ‖∇D‖² on the first ``penalised`` samples of each.

    Real and fake go through D together, which is faster, unless D normalises by the batch: then
    apart, as G's step shows it fake alone, and the statistics must be of the same kind in both
    (Radford et al. 2016). Only the part that is penalised asks for ∂D/∂x, since R1 and R2 cost
    as much again as the rest of the step; a quarter of a shuffled batch estimates the same
    expectation.
    """
    apart = uses_batch_statistics(D)
    parts, norms = [], None
    for part in (slice(0, penalised), slice(penalised, len(real))):
        if part.start == len(real) or part.stop == 0:
            continue
        samples = torch.cat([real[part], fake[part]]).requires_grad_(part.start < penalised)
        labels = None if labels_B is None else labels_B[part]
        if apart:
            logits = torch.cat([D(side, labels) for side in samples.chunk(2)])
        else:
            logits = D(samples, None if labels is None else labels.repeat(2))
        parts.append(logits.chunk(2))
        if samples.requires_grad:
            real_norm_P, fake_norm_P = squared_gradient_norm(logits, samples).chunk(2)
            norms = (real_norm_P, fake_norm_P)
    real_B, fake_B = (torch.cat(side) for side in zip(*parts, strict=True))
    return (real_B, fake_B), norms


@dataclass(frozen=True)
class Generation:
    """D minimises adversarial + γ/2·(R1 + R2), G the mirror of the adversarial term."""

    G: nn.Module
    D: nn.Module
    loss: str
    r1: bool = True
    r2: bool = True
    share: float = 1.0  # of the batch that the penalties are taken on
    players: tuple[Side, ...] = ("D", "G")

    def d_terms(
        self, micro: Micro, controls: Controls
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        with torch.no_grad():  # D's step must leave G alone
            fake = self.G(micro.noise_BZ, micro.labels_B)
        real, fake = micro.view(micro.real, "real"), micro.view(fake, "fake")
        wanted = controls.gamma > 0 and (self.r1 or self.r2)
        penalised = max(1, round(len(real) * self.share)) if wanted else 0
        (real_B, fake_B), norms = judge(self.D, real, fake, micro.labels_B, penalised)
        terms = {"adversarial": LOSSES[self.loss].d_loss(real_B, fake_B)}
        signals = {"d_real": real_B.detach().mean(), "d_fake": fake_B.detach().mean()}
        if norms is not None:
            real_norm_P, fake_norm_P = norms
            if self.r1:
                terms["r1"] = zero_centred_penalty(real_norm_P, controls.gamma)
            if self.r2:
                terms["r2"] = zero_centred_penalty(fake_norm_P, controls.gamma)
            signals["grad_real"] = real_norm_P.detach().sqrt().mean()
            signals["grad_fake"] = fake_norm_P.detach().sqrt().mean()
        return terms, signals

    def g_terms(
        self, micro: Micro, controls: Controls
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        del controls  # G's side has no penalty
        loss = LOSSES[self.loss]
        fake = micro.view(self.G(micro.noise_BZ, micro.labels_B), "fake")
        fake_B = self.D(fake, micro.labels_B)
        real_B = fake_B.detach()
        if loss.g_needs_real:
            with torch.no_grad():  # G has no influence on D(x): only its value matters
                real_B = self.D(micro.view(micro.real, "real"), micro.labels_B)
        return {"adversarial": loss.g_loss(real_B, fake_B)}, {}
