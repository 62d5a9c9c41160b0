"""What the discriminators of all families share: how they see a batch, and their head.

The same nets with more outputs are encoders.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from gansmith.models.activations import OUTPUTS
from gansmith.models.blueprint import Blueprint
from gansmith.models.conditioning import Projection
from gansmith.models.normalisation import NORMS, moments

STD_FLOOR = 1e-8  # added to the variance: the root has a slope at 0


class MinibatchStd(nn.Module):
    """One more channel: the standard deviation over the batch, averaged to a single number.

    Karras et al. 2018, section 3: of each feature at each place over the batch, then the mean over
    all features and places, the same number at every place of every sample. It stands in front of
    the last hidden layer, since a linear head could only add it to all logits alike.
    """

    def forward(self, x: Tensor) -> Tensor:
        _, variance = moments(x.float(), (0,))
        deviation = (variance + STD_FLOOR).sqrt().mean().to(x.dtype)
        return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], dim=1)


def packed(x: Tensor, pac: int) -> Tensor:
    """``pac`` samples after one another become one of ``pac`` times the channels.

    PacGAN (Lin et al. 2018, section 3.1): (B, C, ...) → (B/pac, pac·C, ...).

    Raises:
        ValueError: if the batch does not divide into packs.
    """
    if pac == 1:
        return x
    if len(x) % pac:
        raise ValueError(f"a batch of {len(x)} samples does not divide into packs of {pac}")
    return x.reshape(len(x) // pac, pac * x.shape[1], *x.shape[2:])


def seen_by(plan: Blueprint, outputs: int) -> Blueprint:
    """The plan of a critic: an encoder (more than one output) judges no batch and no class."""
    if outputs == 1:
        return plan
    alone = replace(plan.d, output="linear", minibatch_std=False, pac=1)
    return replace(plan, classes=0, d=alone)


class Critic(nn.Module):
    """D(x, y) = output(head(features(x))): logits (B,), or (B/pac,) of packs; encoders (B, F)."""

    pac: int
    head: Projection
    output: nn.Module

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.pac = plan.d.pac

    def finish(self, plan: Blueprint, features: int, outputs: int) -> None:
        """Add the head, behind so many features."""
        self.head = Projection(plan.classes, features, outputs)
        self.output = OUTPUTS[plan.d.output].make()

    def features(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        """What the head reads, shape (B/pac, F); the class plays no part before it.

        Raises:
            ValueError: if the batch does not divide into packs.
        """
        raise NotImplementedError

    def patches(self, x: Tensor) -> Tensor:
        """What is seen where, shape (B/pac, F, h, w), before `features` is made of it.

        A critic that does not judge by patches sees one.
        """
        return self.features(x)[:, :, None, None]

    def forward(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.output(self.head(self.features(x, y_B), y_B))


def ties_samples(net: nn.Module) -> bool:
    """Whether what the net says of a sample depends on the rest of its batch.

    Then real and generated samples must be judged apart, and a sample's gradient penalty is one of
    its whole batch (or pack).
    """
    tied = (nn.modules.batchnorm._BatchNorm, MinibatchStd)
    return any(isinstance(each, tied) or getattr(each, "pac", 1) > 1 for each in net.modules())


def bias_before(norm: str) -> bool:
    """Whether a layer in front of this normalisation has use for a bias."""
    return not NORMS[norm].centres
