"""A critic that judges by patches: a picture is as real as what is seen at its places, on average.

Isola et al. 2017, section 3.2.2: D's logit is the mean of those of its patches. Of a linear head
this is the logit of the mean of their features, so that features, classes, packs and encoders work
as in the other families.

With several scales (Wang et al. 2018, section 3.2) critics of the same build look at the picture at
half the size, at a quarter, ..., where a patch shows more of it. They share the head: the logit is
the sum of what the scales say, which the paper keeps apart as so many discriminators.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gansmith.models.activations import ACTIVATIONS
from gansmith.models.blueprint import Blueprint
from gansmith.models.critic import Critic, MinibatchStd, bias_before, packed
from gansmith.models.layers import he
from gansmith.models.normalisation import nonlinear

PATCH_STEPS = 3  # halvings before patches are judged, a patch being 46 pixels wide


def _body(plan: Blueprint, side: int) -> tuple[nn.Sequential, int]:
    """(4×4 convolution of stride 2) per halving → 3×3, for pictures of such a shorter side.

    Returns:
        The layers, and how many channels come out of them.
    """
    style, width = plan.d, plan.width
    gain = ACTIVATIONS[style.activation].gain
    steps = 0
    while steps < PATCH_STEPS and side // 2 >= 2:  # a norm of one pixel would be empty
        steps, side = steps + 1, side // 2
    layers: list[nn.Module] = []
    before = plan.shape[0] * style.pac
    for step in range(steps):
        after, norm = width * 2 ** (step + 1), style.norm if step else "none"
        conv = nn.Conv2d(before, after, 4, 2, 1, bias=bias_before(norm))
        layers += [he(conv, gain if step else 1.0), *nonlinear(norm, style.activation, after)]
        before = after
    if style.minibatch_std:
        layers.append(MinibatchStd())
    layers.append(he(nn.Conv2d(before + style.minibatch_std, before, 3, padding=1), gain))
    layers.append(ACTIVATIONS[style.activation].make())
    return nn.Sequential(*layers), before


class PatchCritic(Critic):
    """Image → (4×4 convolution of stride 2) per halving → 3×3 → the mean of the patches' logits.

    Its first layer is not normalised (Radford et al. 2016, section 3).
    """

    def __init__(self, plan: Blueprint, outputs: int) -> None:
        super().__init__(plan)
        side = min(plan.shape[1:])
        self.body, features = _body(plan, side)
        coarser = [_body(plan, side // 2**scale) for scale in range(1, plan.d.scales)]
        self.coarser = nn.ModuleList(body for body, _ in coarser)
        self.finish(plan, features + sum(more for _, more in coarser), outputs)

    def patches(self, x_BCHW: Tensor) -> Tensor:
        """What is seen at each patch, (B/pac, F, h, w): coarser ones spread over the finest."""
        finest, *coarser = self._scales(x_BCHW)
        size = (finest.shape[2], finest.shape[3])
        return torch.cat([finest, *(interpolate(each, size) for each in coarser)], dim=1)

    def features(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        del y_B
        return torch.cat([seen.mean((2, 3)) for seen in self._scales(x_BCHW)], dim=1)

    def _scales(self, x_BCHW: Tensor) -> list[Tensor]:
        """What is seen at each patch of each scale, the finest first."""
        x = packed(x_BCHW, self.pac)
        found = [self.body(x)]
        for body in self.coarser:
            x = avg_pool2d(x, 2)
            found.append(body(x))
        return found
