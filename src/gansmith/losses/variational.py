"""The two terms of a variational autoencoder, in nats for each sample.

Kingma and Welling 2014: −log p(x) ≤ E[−log p(x|z)] + KL(q(z|x) ‖ p(z)), equation (3).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gansmith.errors import UserError, nearest
from gansmith.losses.precision import wide

EDGE = 1e-6  # how far from 0 and 1 a probability is kept: a sure mistake costs 14 nats


def divergence_from_prior(mean_BZ: Tensor, log_variance_BZ: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²), shape (B,), not negative.

    Kingma and Welling 2014, appendix B.
    """
    mean_BZ, log_variance_BZ = wide(mean_BZ), wide(log_variance_BZ)
    # expm1 keeps the digits of σ² − 1 near the prior, where the difference is small.
    excess_BZ = torch.expm1(log_variance_BZ) - log_variance_BZ
    return (mean_BZ.square() + excess_BZ).flatten(1).sum(1) / 2


def bernoulli(x: Tensor, x_hat: Tensor, scale: float, low: float, high: float) -> Tensor:
    """−x′ log p − (1 − x′) log(1 − p) of each pixel, with x′ and p mapped to [0, 1].

    Kingma and Welling 2014, appendix C.1. Between black and white it is a cross-entropy rather
    than a density: its least value is the entropy of x′, not 0.
    """
    del scale
    wanted = (x - low) / (high - low)
    p = ((x_hat - low) / (high - low)).clamp(EDGE, 1 - EDGE)
    return -(wanted * torch.log(p) + (1 - wanted) * torch.log1p(-p))


def gaussian(x: Tensor, x_hat: Tensor, scale: float, low: float, high: float) -> Tensor:
    """½((x − x̂)/σ)² + log σ + ½ log 2π of each pixel. Kingma and Welling 2014, appendix C.2."""
    del low, high
    return ((x - x_hat) / scale).square() / 2 + math.log(scale) + math.log(2 * math.pi) / 2


def laplace(x: Tensor, x_hat: Tensor, scale: float, low: float, high: float) -> Tensor:
    """|x − x̂|/b + log 2b of each pixel: the density exp(−|x − x̂|/b)/2b (Laplace 1774)."""
    del low, high
    return (x - x_hat).abs() / scale + math.log(2 * scale)


LIKELIHOODS: dict[str, Callable[[Tensor, Tensor, float, float, float], Tensor]] = {
    "bernoulli": bernoulli,
    "gaussian": gaussian,
    "laplace": laplace,
}


def reconstruction(
    x: Tensor,
    x_hat: Tensor,
    likelihood: str,
    scale: float,
    low: float = -1.0,
    high: float = 1.0,
) -> Tensor:
    """−log p(x | x̂) in nats, summed over the pixels. Kingma and Welling 2014, equation (3).

    Args:
        x, x_hat: shape (B, ...), in [low, high]. The Bernoulli clamps ``x_hat`` to that range, so a
            pixel outside has no gradient there: a net with a bounded output suits it.
        likelihood: a name in `LIKELIHOODS`.
        scale: σ of the Gaussian or b of the Laplacian, in the units of x.
        low, high: black and white; the Bernoulli alone looks at them.

    Returns:
        Shape (B,); with a density it may be negative.

    Raises:
        UserError: there is no likelihood of that name.
    """
    if likelihood not in LIKELIHOODS:
        known = ", ".join(LIKELIHOODS)
        hint = nearest(likelihood, LIKELIHOODS)
        raise UserError(f"vae.likelihood {likelihood!r} is not known{hint}; known: {known}")
    each = LIKELIHOODS[likelihood](wide(x), wide(x_hat), scale, low, high)
    return each.flatten(1).sum(1)
