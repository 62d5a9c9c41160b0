"""Losses of translation: every place of the output tells its own input; there and back again.

All are pure functions. Features come as (B, S, F): of S places in each of B pictures.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from gansmith.losses.precision import wide

TEMPERATURE = 0.07  # Park et al. 2020, section 3


def patch_nce(query_BSF: Tensor, key_BSF: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """E[−log(exp(q·k⁺/τ) / Σ exp(q·k/τ))], a scalar: ln S where no place can be told apart.

    Park et al. 2020, equations (2) and (3), of one layer: q is what is seen at a place of the
    output, k⁺ what is seen there in the input, the other k what is seen at the other places of the
    same picture. Features are brought to unit length here. Keys are what is to be told: whether
    they carry a gradient is the caller's affair.
    """
    query, key = (normalize(wide(each), dim=2) for each in (query_BSF, key_BSF))
    logits_BSS = query @ key.transpose(1, 2) / temperature
    count, places = logits_BSS.shape[:2]
    own = torch.arange(places, device=logits_BSS.device).repeat(count)
    return cross_entropy(logits_BSS.flatten(0, 1), own)


def cycle_consistency(again: Tensor, before: Tensor) -> Tensor:
    """E|F(G(x)) − x|, a scalar: the mean over pixels. Zhu et al. 2017, equation (2), one half."""
    return (wide(again) - wide(before)).abs().mean()


def identity_loss(left: Tensor, wanted: Tensor) -> Tensor:
    """E|G(y) − y|, a scalar: what is on the target side already is left as it is.

    Zhu et al. 2017, section 5.2 (after Taigman et al. 2017): it keeps colours where nothing else
    does.
    """
    return (wide(left) - wide(wanted)).abs().mean()
