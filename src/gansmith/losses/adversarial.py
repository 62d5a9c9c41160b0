"""Adversarial losses: what D and G minimise, as pure functions of D's logits.

Every loss is a pair ``(d_loss, g_loss)`` of functions of ``(real_B, fake_B)``: logits of D, of any
real value, on a batch of real samples and on a batch of generated ones of the same size. Each
returns a scalar, the mean over the batch. Logits are compared in float32 whatever the precision of
the nets, since softplus loses its tail in half precision.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import softplus


class LogitLoss(Protocol):
    """A function of D's logits on real and on fake samples."""

    def __call__(self, real_B: Tensor, fake_B: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of a game, and whether G's side looks at real logits at all."""

    d_loss: LogitLoss
    g_loss: LogitLoss
    g_needs_real: bool
    source: str


def relativistic_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(x) − D(G(z))))]: each real sample is to look more real than its pair.

    Jolicoeur-Martineau 2018 (relativistic discriminator), equation (2) with f = −softplus(−·);
    paired as in Huang et al. 2024 (R3GAN), equation (2).
    """
    return softplus(fake_B.float() - real_B.float()).mean()


def relativistic_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(G(z)) − D(x)))]: the mirror image of `relativistic_d`."""
    return softplus(real_B.float() - fake_B.float()).mean()


def non_saturating_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log σ(D(x))] − E[log(1 − σ(D(G(z))))] on logits. Goodfellow et al. 2014, equation (1)."""
    return (softplus(-real_B.float()) + softplus(fake_B.float())).mean()


def non_saturating_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log σ(D(G(z)))]: large gradients where D rejects. Goodfellow et al. 2014, section 3."""
    del real_B  # the non-saturating generator looks at its own samples only
    return softplus(-fake_B.float()).mean()


LOSSES: dict[str, AdversarialLoss] = {
    "rpgan": AdversarialLoss(
        relativistic_d, relativistic_g, g_needs_real=True, source="Jolicoeur-Martineau 2018"
    ),
    "ns": AdversarialLoss(
        non_saturating_d, non_saturating_g, g_needs_real=False, source="Goodfellow et al. 2014"
    ),
}
