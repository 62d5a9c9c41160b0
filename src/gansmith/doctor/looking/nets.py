"""What nets and optimisers say: gradients, weights, steps, surprise, singular values."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gansmith.engine import seeded
from gansmith.models.units import is_activation, weight_of


def _norm(tensors: Iterable[Tensor]) -> float:
    parts = [t.detach().float() for t in tensors]
    if not parts:
        return 0.0
    return float(torch.stack(torch._foreach_norm(parts)).norm())


def gradient_norm(parameters: Iterable[nn.Parameter]) -> float | None:
    """‖g‖ over what stands in ``.grad``; None where nothing does."""
    found = [p.grad for p in parameters if p.grad is not None]
    return _norm(found) if found else None


def weight_norm(parameters: Iterable[Tensor]) -> float:
    """‖θ‖ over all weights."""
    return _norm(parameters)


@torch.no_grad()
def update(parameters: Sequence[Tensor], before: Sequence[Tensor]) -> float:
    """‖θ − θ_before‖ / ‖θ_before‖: how far one step went, of the way that there is.

    About 1e-3 is usual; far above it a step forgets what was learned, far below nothing moves.
    """
    moved = torch._foreach_sub(list(parameters), list(before))
    length = _norm(before)
    return _norm(moved) / length if length else math.inf


@torch.no_grad()
def surprise(optimizer: Optimizer) -> float | None:
    """√mean(g² / v̂) over all weights: 1 while gradients are as large as they used to be.

    v̂ is Adam's corrected average of g², or RMSProp's as it is (Kingma and Ba 2015, algorithm 1).
    A value far above 1 is a gradient that the optimiser did not expect: its step is then as long as
    the rate times that value. None where the optimiser keeps no such average, or before a step.
    """
    total, count = 0.0, 0
    for group in optimizer.param_groups:
        decay = group["betas"][1] if "betas" in group else None
        for p in group["params"]:
            state = optimizer.state.get(p, {})
            square = state.get("exp_avg_sq", state.get("square_avg"))
            if p.grad is None or square is None:
                continue
            steps = float(state["step"])
            corrected = 1.0 - decay**steps if decay is not None else 1.0
            ratio = p.grad.detach().double().square() / (square.double() / corrected + 1e-30)
            total += float(ratio.sum())
            count += ratio.numel()
    return math.sqrt(total / count) if count else None


@torch.no_grad()
def largest_singular_value(net: nn.Module, iterations: int = 8) -> float | None:
    """The largest singular value of any layer's weights, as a matrix of its outputs' rows.

    Power iteration as in Miyato et al. 2018, algorithm 1, from the same vectors each time: within
    some per cent from below. None where there is no layer.
    """
    found: list[float] = []
    for module in net.modules():
        weight = None if is_activation(module) or list(module.children()) else weight_of(module)
        if weight is None:
            continue
        matrix = weight.detach().float().flatten(1)
        v = torch.randn(matrix.shape[1], generator=seeded(0, "power")).to(matrix.device)
        for _ in range(iterations):
            v = torch.nn.functional.normalize(matrix.T @ (matrix @ v), dim=0)
        found.append(float((matrix @ v).norm()))
    return max(found, default=None)


def first_over_last(norms: tuple[float, float] | None) -> float | None:
    """How much of the gradient of a net's last layer reaches its first one."""
    if norms is None or not norms[1]:
        return None
    return norms[0] / norms[1]


def pull(loss_of: Callable[[Tensor], Tensor], fake: Tensor) -> float:
    """Mean over samples of ‖∂ℓ/∂G(z)‖, ℓ being what G pays for that sample.

    Arjovsky and Bottou 2017, theorems 2.4 and 2.6: it vanishes as D becomes perfect where G
    minimises log(1 − D), and grows unstable where it maximises log D.

    Args:
        loss_of: G's loss, a mean over its samples, of samples that carry its gradient.
        fake: B generated samples.
    """
    with torch.enable_grad():
        x = fake.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(x), x)
    return float(gradient.flatten(1).float().norm(dim=1).mean()) * len(fake)


def slope(D: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Mean over samples of ‖∂D/∂x‖ at x, of shape (B, ...)."""
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(D(at).sum(), at)
    return float(gradient.flatten(1).float().norm(dim=1).mean())


@torch.no_grad()
def not_finite(tensors: Iterable[Tensor]) -> int:
    """How many of the tensors hold a value that is not finite."""
    norms = [t.detach().float().abs().sum() for t in tensors if t.numel()]
    if not norms:
        return 0
    return int((~torch.isfinite(torch.stack(norms))).sum())
