"""Which loss a net's output goes into, told from the gradient that comes back.

A loss that is a mean of f(u) over D's outputs u has the gradient c·f′(u), and f′ is the loss's
signature. With a target t in it:

- squares (Mao et al. 2017, eq. 2): f′ ∝ u − t;
- logits, cross-entropy of σ(u) (Goodfellow et al. 2014, eq. 1): f′ ∝ σ(u) − t;
- probabilities, cross-entropy of u itself: f′ ∝ (u − t) / (u(1 − u));
- twice, cross-entropy of σ(σ(u)): f′ ∝ (σ(σ(u)) − t)·σ′(u), which nobody wants;
- linear (Arjovsky et al. 2017, eq. 2): f′ is constant;
- hinge (Lim and Ye 2017, section 2): f′ is constant on one side of a margin, and 0 beyond it.

Each but the last is a straight line in the right coordinates, so a least-squares fit of a batch's
(u, dL/du) names the loss and its target, whatever its reduction, and however the program wrote it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Law = Literal["squares", "logits", "probabilities", "twice", "linear", "hinge", "other", "none"]

MOST = 4096  # outputs looked at: a PatchGAN has many
FITS, BETTER = 1e-3, 5.0  # residual over spread of a fit, and by how much it must beat the next
ONE_SIDED = 0.95  # share of |gradient| of one sign that makes a direction


@dataclass(frozen=True)
class Pull:
    """Where a loss pulls the outputs of D that it was given.

    Attributes:
        law: which loss it is.
        target: the output (a probability for the cross-entropies) that it would have; ±inf if only
            the direction is known, NaN if not even that.
        mean: mean of dL/du, as measured.
        sharp: residual of the next best law over that of this one.
    """

    law: Law
    target: float
    mean: float
    sharp: float = 1.0

    @property
    def direction(self) -> int:
        """+1: up; −1: down; 0: not known."""
        if self.law == "none" and math.isinf(self.target):  # where it had pulled to
            return 1 if self.target > 0 else -1
        return (self.mean < 0) - (self.mean > 0) if not math.isnan(self.target) else 0


def _line(b: Tensor, y: Tensor) -> tuple[float, float, float]:
    """y ≈ c·(b − t) by least squares: the residual over the spread of y, c and t."""
    mb, my = b.mean(), y.mean()
    spread = (b - mb).square().sum()
    c = ((b - mb) * (y - my)).sum() / spread
    rest = (y - my - c * (b - mb)).square().sum() / (y - my).square().sum()
    return float(rest.sqrt()), float(c), float(mb - my / c)


def _fits(u: Tensor, g: Tensor) -> dict[Law, tuple[float, float, float]]:
    s = torch.sigmoid(u)
    found: dict[Law, tuple[float, float, float]] = {
        "squares": _line(u, g),
        "logits": _line(s, g),
        "twice": _line(torch.sigmoid(s), g / (s * (1 - s)).clamp_min(1e-12)),
    }
    if bool(((u > 0) & (u < 1)).all()):
        found["probabilities"] = _line(u, g * u * (1 - u))
    return {law: fit for law, fit in found.items() if all(map(math.isfinite, fit))}


def _direction(g: Tensor, law: Law = "other") -> Pull:
    """The fallback: what one sign of (nearly) all gradients tells."""
    up, down = float((-g).clamp_min(0).sum()), float(g.clamp_min(0).sum())
    mean = float(g.mean())
    if max(up, down) < ONE_SIDED * (up + down):
        return Pull(law, math.nan, mean)
    return Pull(law, math.inf if up > down else -math.inf, mean)


def _hinges(u: Tensor, g: Tensor) -> bool:
    """Whether the outputs on one side of a margin are pulled alike, those beyond it not at all."""
    on = g != 0
    if bool(on.all()) or float(g[on].max() - g[on].min()) > 1e-5 * float(g.abs().max()):
        return False
    sign = -float(g[on][0].sign())  # of the way that it pulls: what is released lies further on
    return float((sign * u[on]).max()) <= float((sign * u[~on]).min())


def pull(u_N: Tensor, g_N: Tensor) -> Pull:
    """What the gradient at D's outputs says of the loss.

    Args:
        u_N: outputs of D of samples of one origin, flat.
        g_N: dL/du of the same.
    """
    stride = max(1, len(u_N) // MOST)
    u, g = u_N[::stride].double(), g_N[::stride].double()
    if not bool((torch.isfinite(u) & torch.isfinite(g)).all()) or not len(u):
        return Pull("other", math.nan, math.nan)
    if not bool(g.any()):
        return Pull("none", math.nan, 0.0)
    if _hinges(u, g):
        return _direction(g, "hinge")
    scale, spread = float(g.abs().max()), float(u.std(correction=0))
    tells = spread > 1e-3 * max(1.0, float(u.abs().max())) and len(u) >= 4
    if float(g.max() - g.min()) <= 1e-5 * scale:
        return _direction(g, "linear" if tells else "other")
    if not tells or float(g.std(correction=0)) < 1e-4 * scale:
        return _direction(g)
    ranked = sorted(_fits(u, g).items(), key=lambda each: each[1][0])
    if not ranked or ranked[0][1][0] > FITS:
        return _direction(g)
    law, (rest, c, target) = ranked[0]
    sharp = ranked[1][1][0] / max(rest, 1e-9) if len(ranked) > 1 else math.inf
    if sharp < BETTER or c < 0:  # c < 0: away from the target, as a saturating loss does
        return _direction(g)
    return Pull(law, target, float(g.mean()), sharp)


Agreement = Literal["normal", "inverted", "same", "unknown"]


def order(real: Pull, fake: Pull) -> Agreement:
    """Whether D is to say more of real samples than of fakes, less, or the same."""
    if math.isfinite(real.target) and math.isfinite(fake.target) and real.law == fake.law:
        apart = real.target - fake.target
        if abs(apart) < 0.05:
            return "same"
        return "normal" if apart > 0 else "inverted"
    directions = real.direction, fake.direction
    if 0 in directions:
        return "unknown"
    if directions[0] == directions[1]:
        return "same"
    return "normal" if directions[0] > 0 else "inverted"


def follows(G: Pull, real: Pull, fake: Pull) -> Agreement:
    """Whether G pulls D's output of its samples to where D pulls it (``same``) or against it.

    Against it is ``normal``. A target in the middle (Mao et al. 2017, eq. 9) is against it.
    """
    pulls = (G, real, fake)
    if all(math.isfinite(each.target) for each in pulls) and len({p.law for p in pulls}) == 1:
        near = abs(G.target - fake.target) < 0.25 * abs(real.target - fake.target)
        return "same" if near else "normal"
    if 0 in (G.direction, fake.direction):
        return "unknown"
    return "same" if G.direction == fake.direction else "normal"


def cost(found: Pull, u_N: Tensor) -> float | None:
    """What a loss asks for outputs u of D, a mean over them, on the scale of its own paper.

    None where the law, or its target, is not known. A hinge has its margin at ±1.
    """
    u, t = u_N.double(), found.target
    if found.law == "hinge" and found.direction:
        return float((1 - found.direction * u).clamp_min(0).mean())
    if not math.isfinite(t):
        return None
    if found.law == "squares":
        return float((u - t).square().mean())
    t = min(max(t, 0.0), 1.0)
    if found.law == "logits":
        return float((torch.nn.functional.softplus(u) - t * u).mean())
    if found.law == "probabilities":
        p = u.clamp(1e-12, 1 - 1e-12)
        return float(-(t * p.log() + (1 - t) * (-p).log1p()).mean())
    return None


def tie(real: Pull, fake: Pull) -> float | None:
    """The output that is as far from what D is to say of real samples as from that of fakes.

    0 of a hinge; the middle of the targets of least squares (Mao et al. 2017, equation (5) at
    p = q) and of the cross-entropies. None where the laws are not known, or not the same.
    """
    if real.law != fake.law:
        return None
    if real.law == "hinge":
        return 0.0
    middle = (real.target + fake.target) / 2
    if not math.isfinite(middle):
        return None
    if real.law == "logits":
        return math.log(middle / (1 - middle)) if 0 < middle < 1 else None
    return middle if real.law in ("squares", "probabilities") else None
