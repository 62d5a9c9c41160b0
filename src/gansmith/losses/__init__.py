"""Adversarial losses and penalties: pure functions on tensors, each with its source."""

from gansmith.losses.adversarial import LOSSES, AdversarialLoss
from gansmith.losses.penalties import (
    PENALTIES,
    GradientPenalty,
    squared_gradient_norm,
    zero_centred_penalty,
)

__all__ = [
    "LOSSES",
    "PENALTIES",
    "AdversarialLoss",
    "GradientPenalty",
    "squared_gradient_norm",
    "zero_centred_penalty",
]
