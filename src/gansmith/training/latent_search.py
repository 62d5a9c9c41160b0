"""The sample of a trained generator that agrees best with the known part of a picture.

Yeh et al. 2017, "Semantic image inpainting with deep generative models": minimise the context loss
and a prior loss over the noise, by Adam, with the nets as they are. Here from several starts at
once, which are the best of a larger draw, and the best of which is kept.

All pictures and all their starts stand in one batch. Their losses are summed, and Adam works on
each number alone, so none hangs on the others.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.engine import frozen
from gansmith.losses.context import (
    context_loss,
    context_weights,
    critic_prior,
    radius_prior,
)

Draw = Callable[[Tensor], Tensor]  # N(0, 1) noise (B, Z) to what the generator is given


@dataclass(frozen=True)
class SearchPlan:
    """How a search goes; the defaults were measured on digits (docs/inpainting.md).

    Attributes:
        draws: samples looked at for each filling before the search.
        starts: the best of them, from which the search goes on.
        steps: of Adam.
        rate: of Adam at the first step; it falls to 0 along half a cosine.
        reach: of the context's weights, as a share of the picture's shorter side.
        floor: of the context's weights.
        prior: weight of what the critic says, where there is one.
        radius: weight of the noise's length, where there is no critic.
    """

    draws: int = 256
    starts: int = 4
    steps: int = 100
    rate: float = 0.1
    reach: float = 0.1
    floor: float = 0.5
    prior: float = 0.03
    radius: float = 0.1


@dataclass(frozen=True)
class Critique:
    """A critic, and what it says of G's usual samples: mean and deviation."""

    net: nn.Module
    usual: Tensor
    spread: Tensor


@dataclass(frozen=True)
class Latent:
    """A generator as the search needs it.

    Attributes:
        net: (z_BZ, y_B or None) → samples in the range ``span``; in evaluation mode.
        draw: N(0, 1) noise to z.
        span: black and white.
    """

    net: nn.Module
    draw: Draw
    span: tuple[float, float]

    def __call__(self, noise_BZ: Tensor, labels_B: Tensor | None) -> Tensor:
        """Samples of N(0, 1) noise."""
        return self.net(self.draw(noise_BZ), labels_B)


@dataclass(frozen=True)
class Found:
    """What a search found for each picture: samples, their noise, and the loss they have."""

    x_BCHW: Tensor
    noise_BZ: Tensor
    loss_B: Tensor


@torch.no_grad()
def critique(D: nn.Module, latent: Latent, noise_NZ: Tensor, labels_N: Tensor | None) -> Critique:
    """A critic with what it says of samples of this noise, which nobody chose."""
    said_N = D(latent(noise_NZ, labels_N), labels_N).float()
    return Critique(D, said_N.mean(), said_N.std(correction=0))


@dataclass(frozen=True)
class _Target:
    """Pictures, repeated for each of their starts, and the weight of every pixel."""

    given: Tensor
    weights: Tensor
    unit: float  # half of the range: losses are those on [−1, 1]

    def repeated(self, times: int) -> "_Target":
        """Every picture so many times, one after another."""
        given = self.given.repeat_interleave(times, 0)
        return _Target(given, self.weights.repeat_interleave(times, 0), self.unit)

    def alone(self, index: int) -> "_Target":
        """One of the pictures."""
        one = slice(index, index + 1)
        return _Target(self.given[one], self.weights[one], self.unit)

    def loss(self, x_BCHW: Tensor) -> Tensor:
        """The context loss of a sample for every picture, on the scale of [−1, 1]: (B,)."""
        return context_loss(x_BCHW, self.given, self.weights) / self.unit


def search(
    latent: Latent,
    given_BCHW: Tensor,
    hole_BHW: Tensor,
    noise_BNZ: Tensor,
    labels_BN: Tensor | None = None,
    critic: Critique | None = None,
    plan: SearchPlan | None = None,
) -> Found:
    """For each picture the sample that agrees best with what is known of it.

    Args:
        latent: the generator.
        given_BCHW: pictures in its range; what is in the hole plays no part.
        hole_BHW: boolean, True in the hole.
        noise_BNZ: N(0, 1) draws of each picture, from which the search starts.
        labels_BN: the class of each draw, of a conditional generator. The search never changes
            one: the best start decides.
        critic: for the prior; without one the length of the noise is the prior.
        plan: how to search; by default `SearchPlan`.
    """
    plan = plan or SearchPlan()
    low, high = latent.span
    reach = max(1, round(plan.reach * min(hole_BHW.shape[1:])))
    weights = context_weights(hole_BHW, reach, plan.floor)
    target = _Target(given_BCHW, weights, 0.5 * (high - low))
    with frozen(latent.net), frozen(critic.net if critic else nn.Identity()):
        noise, labels = _best_draws(latent, target, noise_BNZ, labels_BN, plan.starts)
        return _descend(latent, target, noise, labels, critic, plan)


@torch.no_grad()
def _best_draws(
    latent: Latent, target: _Target, noise_BNZ: Tensor, labels_BN: Tensor | None, keep: int
) -> tuple[Tensor, Tensor | None]:
    """The draws of each picture whose samples agree best: noise (B, K, Z), labels (B, K)."""
    drawn = noise_BNZ.shape[1]
    keep = min(keep, drawn)
    losses = []
    for index in range(len(noise_BNZ)):  # a picture at a time: draws are many
        labels = None if labels_BN is None else labels_BN[index]
        x = latent(noise_BNZ[index], labels)
        losses.append(target.alone(index).repeated(drawn).loss(x))
    best = torch.stack(losses).topk(keep, dim=1, largest=False).indices
    noise = noise_BNZ.gather(1, best[:, :, None].expand(-1, -1, noise_BNZ.shape[2]))
    return noise, None if labels_BN is None else labels_BN.gather(1, best)


def _descend(
    latent: Latent,
    target: _Target,
    noise_BKZ: Tensor,
    labels_BK: Tensor | None,
    critic: Critique | None,
    plan: SearchPlan,
) -> Found:
    """Adam on the noise of every start; the best start of each picture."""
    count, starts, _ = noise_BKZ.shape
    many = target.repeated(starts)
    labels = None if labels_BK is None else labels_BK.flatten()
    noise = noise_BKZ.flatten(0, 1).clone().requires_grad_()
    optimizer = torch.optim.Adam([noise], lr=plan.rate)
    for step in range(plan.steps):
        optimizer.param_groups[0]["lr"] = plan.rate * _fall(step / plan.steps)
        optimizer.zero_grad()
        _, loss_M = _judged(latent, many, noise, labels, critic, plan)
        loss_M.sum().backward()
        optimizer.step()
    with torch.no_grad():
        x_MCHW, loss_M = _judged(latent, many, noise, labels, critic, plan)
        best_B = loss_M.view(count, starts).argmin(1)
        rows = torch.arange(count, device=best_B.device) * starts + best_B
        return Found(x_MCHW[rows], noise.detach()[rows], loss_M[rows])


def _fall(share: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * share))


def _judged(
    latent: Latent,
    target: _Target,
    noise_MZ: Tensor,
    labels_M: Tensor | None,
    critic: Critique | None,
    plan: SearchPlan,
) -> tuple[Tensor, Tensor]:
    """Samples and, of each, context and prior loss: Yeh et al. 2017, equation (2)."""
    x = latent(noise_MZ, labels_M)
    loss = target.loss(x)
    if critic is None:
        return x, loss + plan.radius * radius_prior(noise_MZ)
    said = critic.net(x, labels_M).float()
    return x, loss + plan.prior * critic_prior(said, critic.usual, critic.spread)
