"""What is read of a player's weights: their gradients, their size, and who moves them."""

import torch
from torch import Tensor, nn

from gansmith.doctor.hearing.heard import Net

MODES = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


def own(net: Net) -> list[nn.Parameter]:
    """The weights that no other player holds."""
    return [p for p in net.module.parameters() if id(p) in net.own]


def witnesses(net: Net, held: set[int]) -> list[nn.Parameter]:
    """Weights whose gradients stand for all: the first and the last matrix of a net's own.

    Of those (ids) that optimisers hold, where some are known: who clears gradients by the optimiser
    leaves those of other weights alone, and nobody steps with them.
    """
    every = [p for p in own(net) if id(p) in held] or own(net)
    matrices = [p for p in every if p.ndim > 1] or every
    # The last of all, a bias, has a gradient even where all units before it are dead.
    return [matrices[0], matrices[-1], every[-1]] if matrices else []


def small(net: Net) -> list[nn.Parameter]:
    """Where what is not finite arrives: something small at either end of the net."""
    every = own(net)
    ends = [part for part in (every[:4], every[-4:]) if part]
    return [min(part, key=Tensor.numel) for part in ends]


def training(net: nn.Module) -> bool:
    """Whether no layer whose behaviour depends on it is in inference mode."""
    return all(layer.training for layer in net.modules() if isinstance(layer, MODES))


def values(net: Net) -> list[Tensor]:
    """The weights as they are now, sharing their memory."""
    return [p.detach() for p in own(net)]


def copies(net: Net) -> list[Tensor]:
    """The weights as they are now, for later."""
    return [value.clone() for value in values(net)]


def gradients(net: Net) -> list[Tensor]:
    """What stands in ``.grad``, where something does."""
    found = [p.grad for p in own(net)]
    return [gradient.detach() for gradient in found if gradient is not None]


def norm(parts: list[Tensor]) -> float:
    """The Euclidean norm of all of them together; 0 of nothing."""
    squares = [part.float().square().sum() for part in parts if not part.is_sparse]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def silent(net: Net, held: set[int]) -> dict[str, str]:
    """Layers whose matrices get no gradient or lie in no optimiser, and the sign of it."""
    found = {}
    for name, weights in net.layers.items():
        matrices = [p for p in weights if p.ndim > 1] or weights
        if not any(p.requires_grad for p in matrices):
            found[name] = "requires_grad=False"
        elif all(p.grad is None for p in matrices):
            found[name] = "grad=None"
        elif not any(id(p) in held for p in matrices):
            found[name] = "not in optimizer.param_groups"
    return found


def leaves(net: nn.Module) -> dict[str, nn.Module]:
    """The modules that compute something themselves, by name.

    A layer stays one when its weight is parametrised (spectral and weight norm as PyTorch has them
    are modules within it), and what parametrises it is none.
    """
    return {
        name: module
        for name, module in net.named_modules()
        if "parametrizations" not in name.split(".")
        and not [child for child, _ in module.named_children() if child != "parametrizations"]
    }
