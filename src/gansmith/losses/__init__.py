"""Adversarial losses and penalties: pure functions on tensors, each with its source."""

from gansmith.losses.adversarial import LOSSES, adversarial, least_squares
from gansmith.losses.contract import AdversarialLoss
from gansmith.losses.contrastive import cycle_consistency, identity_loss, patch_nce
from gansmith.losses.matching import feature_matching, masked_l1, paired_matching, variety
from gansmith.losses.penalties import (
    PENALTIES,
    GradientPenalty,
    sloped,
    squared_gradient_norm,
    zero_centred_penalty,
)
from gansmith.losses.precision import wide
from gansmith.losses.targets import told
from gansmith.losses.variational import LIKELIHOODS, divergence_from_prior, reconstruction

__all__ = [
    "LIKELIHOODS",
    "LOSSES",
    "PENALTIES",
    "AdversarialLoss",
    "GradientPenalty",
    "adversarial",
    "cycle_consistency",
    "divergence_from_prior",
    "feature_matching",
    "identity_loss",
    "least_squares",
    "masked_l1",
    "paired_matching",
    "patch_nce",
    "reconstruction",
    "sloped",
    "squared_gradient_norm",
    "told",
    "variety",
    "wide",
    "zero_centred_penalty",
]
