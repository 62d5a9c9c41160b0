"""f-GAN: D's loss is minus a lower bound of an f-divergence of real from generated samples.

Nowozin, Cseke and Tomioka 2016: D_f(P‖Q) = E_Q[f(p/q)] ≥ E_P[T(x)] − E_Q[f*(T(x))] for every T
(equation (4)), with equality at T = f′(p/q). D's output v, any real number, goes through an
activation g that rises into the domain of f* (equation (6)); the pairs of Table 2 are below.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gansmith.losses.contract import LogitLoss
from gansmith.losses.precision import wide

HIGHEST_EXPONENT = 50.0  # e^50 is 5e21: far beyond a useful D, and far below float32's 3e38


def exponential(x: Tensor) -> Tensor:
    """eˣ up to x = 50 and its tangent beyond: convex, rising and finite in float32; any shape.

    A plain clamp would leave no gradient to come back by. Table 2 of Nowozin et al. 2016 has the
    exponential itself.
    """
    beyond = relu(x - HIGHEST_EXPONENT)  # x less its clamped part would cancel in the gradient
    return x.clamp(max=HIGHEST_EXPONENT).exp() + math.exp(HIGHEST_EXPONENT) * beyond


@dataclass(frozen=True)
class Divergence:
    """One row of Table 2 of Nowozin et al. 2016, as functions of D's raw output v.

    ``activation`` is T = g(v), and ``conjugate`` is f*(g(v)), simplified on paper so that no
    exponential is taken of which the logarithm follows.
    """

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]


DIVERGENCES: dict[str, Divergence] = {
    # f(u) = u log u; T = v, f*(t) = exp(t − 1). At its best v = 1 + log p/q.
    "kl": Divergence(lambda v: v, lambda v: exponential(v - 1)),
    # f(u) = −log u; T = −exp(−v), f*(t) = −1 − log(−t). At its best v = log p/q.
    "reverse-kl": Divergence(lambda v: -exponential(-v), lambda v: v - 1),
    # f(u) = (u − 1)²; T = v, f*(t) = t²/4 + t. At its best v = 2(p/q − 1).
    "pearson": Divergence(lambda v: v, lambda v: v.square() / 4 + v),
    # f(u) = u log u − (u + 1) log((u + 1)/2), twice the Jensen-Shannon divergence;
    # T = log 2 − softplus(−v), f*(t) = −log(2 − exp t). At its best v = log p/q.
    "js": Divergence(lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)),
    # f(u) = |u − 1|/2; T = tanh(v)/2, f*(t) = t on |t| ≤ 1/2. At its best v has the sign of p − q.
    "tv": Divergence(lambda v: torch.tanh(v) / 2, lambda v: torch.tanh(v) / 2),
}


def bounds(name: str) -> tuple[LogitLoss, LogitLoss]:
    """D's and G's side of the f-GAN of ``DIVERGENCES[name]``.

    G minimises the bound itself, as Algorithm 1 of Nowozin et al. 2016 does; the term of real
    samples, which G does not move, is left out. The paper's section 3.2 names a second form that
    is not offered here, in which G maximises E_Q[T]: it is to the bound what the non-saturating
    loss is to minimax.
    """
    divergence = DIVERGENCES[name]

    def bound_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
        """−(E[g(v(x))] − E[f*(g(v(G(z))))]). Nowozin et al. 2016, equation (6)."""
        gain_B = divergence.activation(wide(real_B)) - divergence.conjugate(wide(fake_B))
        return -gain_B.mean()

    def bound_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
        """−E[f*(g(v(G(z))))]: G lowers the bound. Nowozin et al. 2016, equation (6)."""
        del real_B
        return -divergence.conjugate(wide(fake_B)).mean()

    return bound_d, bound_g
