"""Gradient penalties on D, exact: the gradient of the logit with respect to the sample."""

import torch
from torch import Tensor


def squared_gradient_norm(logits_B: Tensor, samples: Tensor) -> Tensor:
    """‖∂D(x)/∂x‖² of each sample, summed over its pixels, differentiable in D's weights.

    Args:
        logits_B: D's logits; row i may depend on sample i only.
        samples: the batch that D saw, shape (B, ...), with ``requires_grad``.

    Returns:
        Shape (B,), float32, not negative.
    """
    (gradient,) = torch.autograd.grad(logits_B.sum(), samples, create_graph=True)
    return gradient.float().square().flatten(1).sum(1)


def zero_centred_penalty(squared_norm_B: Tensor, gamma: float) -> Tensor:
    """γ/2 · E[‖∇D(x)‖²]: R1 on real samples, R2 on generated ones.

    Mescheder, Geiger and Nowozin 2018, equations (9) and (10).
    """
    return 0.5 * gamma * squared_norm_B.mean()
