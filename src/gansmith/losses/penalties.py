"""What keeps D smooth: gradient penalties, exact and by finite differences, and two regularisers.

A gradient penalty is a function of s = ‖∂D(x)/∂x‖², one number per sample, taken at some points x:
the real samples, the generated ones, points between or around them. `PENALTIES` says where, and
what s is drawn to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gansmith.engine import Draw, mean_of_ranks, sent, world
from gansmith.losses.precision import wide

Place = Literal["nowhere", "real", "fake", "both", "between", "around"]
SMALL = 1e-12  # under the root: √ has no slope at 0
SPREAD = 0.5  # of DRAGAN's points around the real ones, in standard deviations of the data


@dataclass(frozen=True)
class GradientPenalty:
    """Where the slope is taken, which norm is aimed at, and gamma where nobody gives one.

    ``at_32`` is that gamma at 32×32 pixels; ``by_pixels`` says whether it grows with their number,
    as it must where the norm is drawn to 0, since s is summed over the pixels.
    """

    place: Place
    centre: float
    at_32: float
    by_pixels: bool
    source: str


PENALTIES: dict[str, GradientPenalty] = {
    "none": GradientPenalty("nowhere", 0.0, 0.0, False, "Goodfellow et al. 2014"),
    "r1": GradientPenalty("real", 0.0, 1.0, True, "Mescheder et al. 2018, equation (9)"),
    "r2": GradientPenalty("fake", 0.0, 1.0, True, "Mescheder et al. 2018, equation (10)"),
    "r1+r2": GradientPenalty("both", 0.0, 1.0, True, "Huang et al. 2024"),
    "wgan-gp": GradientPenalty("between", 1.0, 10.0, False, "Gulrajani et al. 2017, equation (3)"),
    "zero-gp": GradientPenalty("between", 0.0, 10.0, True, "Thanh-Tung et al. 2019, section 4"),
    "dragan": GradientPenalty("around", 1.0, 10.0, False, "Kodali et al. 2017, equation (6)"),
}


def sloped(name: str, gamma: float | str) -> bool:
    """Whether a gradient penalty of this name and weight is taken; ``auto`` is never 0."""
    return PENALTIES[name].place != "nowhere" and gamma != 0


def squared_gradient_norm(logits_B: Tensor, samples: Tensor) -> Tensor:
    """‖∂D(x)/∂x‖² of each sample, summed over its pixels, differentiable in D's weights.

    Args:
        logits_B: D's logits; row i may depend on sample i only. Where D judges packs of p samples,
            a logit per pack, and x is the pack.
        samples: the batch that D saw, shape (B, ...) or (B·p, ...), with ``requires_grad``.

    Returns:
        Shape (B,), not negative; float32 where the samples are of half precision.
    """
    (gradient,) = torch.autograd.grad(logits_B.sum(), samples, create_graph=True)
    return wide(gradient).square().reshape(len(logits_B), -1).sum(1)


def outputs_and_slopes(judge: Callable[[Tensor], Tensor], samples: Tensor) -> tuple[Tensor, Tensor]:
    """D's logits, and `squared_gradient_norm` of them, by a gradient that is taken inside.

    The same numbers; `torch.compile` can differentiate this once more, where it cannot a gradient
    through what it has compiled.

    Args:
        judge: D, as a function of the samples alone.
        samples: the batch, shape (B, ...) or (B·p, ...).

    Returns:
        Logits (B,), and their squared norms (B,), both differentiable in D's weights.
    """

    def summed(x: Tensor) -> tuple[Tensor, Tensor]:
        logits_B = judge(x)
        return logits_B.sum(), logits_B

    gradient, logits_B = torch.func.grad(summed, has_aux=True)(samples)
    return logits_B, wide(gradient).square().reshape(len(logits_B), -1).sum(1)


def finite_difference(here_B: Tensor, near_B: Tensor, sigma: float) -> Tensor:
    """(D(x + σε) − D(x))²/σ² with ε ~ N(0, I): its mean over ε is ‖∇D(x)‖² + O(σ²).

    It needs no second derivative. Lin et al. 2025 (APT), equation (4), whose λ is γ/(2σ²).

    Args:
        here_B, near_B: D's logits at x and at x + σε.
        sigma: length of the step in each coordinate.
    """
    return ((near_B - here_B) / sigma).square()


def zero_centred_penalty(squared_norm_B: Tensor, gamma: float) -> Tensor:
    """γ/2 · E[‖∇D(x)‖²]: R1 on real samples, R2 on generated ones.

    Mescheder, Geiger and Nowozin 2018, equations (9) and (10).
    """
    return 0.5 * gamma * squared_norm_B.mean()


def centred_penalty(squared_norm_B: Tensor, weight: float, centre: float) -> Tensor:
    """λ · E[(‖∇D(x)‖ − c)²]: c = 1 in WGAN-GP and DRAGAN, c = 0 in its zero-centred kin.

    Gulrajani et al. 2017, equation (3); Kodali et al. 2017; Thanh-Tung et al. 2019.
    """
    if centre == 0.0:
        return weight * squared_norm_B.mean()
    return weight * ((squared_norm_B + SMALL).sqrt() - centre).square().mean()


def points_between(real: Tensor, fake: Tensor, draw: Draw, pac: int = 1) -> Tensor:
    """u·x + (1 − u)·G(z), one u ~ U(0, 1) for each pair, or pair of packs of ``pac`` samples.

    Gulrajani et al. 2017, algorithm 1.
    """
    share = draw.uniform(len(real) // pac, unit=1).repeat_interleave(pac)
    share = sent(share, real.device, real.dtype)
    share = share.view(-1, *[1] * (real.ndim - 1))
    return torch.lerp(fake, real, share)


def spread_of(x: Tensor) -> Tensor:
    """The standard deviation of all numbers of a batch that the ranks share, a scalar."""
    many = world()
    if many == 1:
        return x.std()
    around = (x - mean_of_ranks(x.mean())).square().sum()
    return (mean_of_ranks(around) * many / (x.numel() * many - 1)).sqrt()


def points_around(real: Tensor, draw: Draw) -> Tensor:
    """x + δ, δ ~ N(0, (s/2)²·I), with s the standard deviation of the batch. Kodali et al. 2017."""
    step = sent(draw.normal(*real.shape), real.device, real.dtype)
    return real + SPREAD * spread_of(real.detach()) * step


def lecam(real_B: Tensor, fake_B: Tensor, mean_real: float, mean_fake: float) -> Tensor:
    """E[(D(x) − α_F)²] + E[(D(G(z)) − α_R)²]: each side is drawn to the other's moving average.

    Tseng et al. 2021, equation (6). For losses whose D means something by itself: where only
    differences of its outputs count, there is nothing to anchor.
    """
    return (real_B - mean_fake).square().mean() + (fake_B - mean_real).square().mean()


def consistency(here_B: Tensor, moved_B: Tensor) -> Tensor:
    """E[(D(x) − D(T(x)))²] for a distortion T that keeps the meaning. Zhang et al. 2020 (CR-GAN),
    equation (3), on D's output."""
    return (here_B - moved_B).square().mean()
