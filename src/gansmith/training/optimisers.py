"""Optimisers by name: each moves a player's weights θ against its gradient g, at a rate η.

The rate and β₂ are set before each step by the loop (`set_rates`), so a builder only says which
rule holds. A weight decay λ of ``optim.weight_decay`` adds λθ to g, but for ``adamw``. Nothing is
drawn at random and all memory is in ``optimizer.state``, as tensors: a checkpoint holds it exactly.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from gansmith.config.play import OptimConfig
from gansmith.engine import in_parts

Parameters = Iterable[nn.Parameter]
Builder = Callable[[Parameters, OptimConfig, bool], Optimizer]
TINY = 1e-8  # ε of all of Adam's kin, and of RMSProp


class _Remembering(Optimizer):
    """θ ← θ − 2η·u_t + η·u_{t−1}, where a rule makes the direction u of the gradient; u_{−1} = 0.

    The doubled step minus the last one foresees the rival's answer. Popov 1980; Daskalakis et al.
    2018.
    """

    def __init__(self, parameters: Parameters, defaults: dict[str, Any]) -> None:
        super().__init__(parameters, defaults)

    def _directions(self, group: dict[str, Any], moved: list[nn.Parameter]) -> list[Tensor]:
        """u of each parameter, as new tensors."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step on the gradients that stand in ``.grad``; a closure is not called."""
        del closure
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            for p in moved:
                if "previous" not in self.state[p]:
                    self.state[p]["previous"] = torch.zeros_like(p)
            if not moved:
                continue
            found = self._directions(group, moved)
            previous = [self.state[p]["previous"] for p in moved]
            torch._foreach_add_(moved, found, alpha=-2.0 * group["lr"])
            torch._foreach_add_(moved, previous, alpha=group["lr"])
            for p, direction in zip(moved, found, strict=True):
                self.state[p]["previous"].copy_(direction)


def _gradients(group: dict[str, Any], moved: list[nn.Parameter]) -> list[Tensor]:
    """g + λθ of each parameter, as new tensors."""
    found = [cast(Tensor, p.grad) for p in moved]
    return list(torch._foreach_add(found, cast(list[Tensor], moved), alpha=group["weight_decay"]))


class OptimisticDescent(_Remembering):
    """θ ← θ − 2η·g_t + η·g_{t−1}. Popov 1980; Daskalakis et al. 2018."""

    def __init__(self, parameters: Parameters, lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    def _directions(self, group: dict[str, Any], moved: list[nn.Parameter]) -> list[Tensor]:
        return _gradients(group, moved)


class OptimisticAdam(_Remembering):
    """θ ← θ − 2η·m̂_t/(√v̂_t + ε) + η·m̂_{t−1}/(√v̂_{t−1} + ε), with Adam's moments m̂ and v̂.

    Daskalakis et al. 2018, algorithm 1. β₂ may change from step to step: 1 − β₂ᵗ of the bias is
    then that of the present β₂, as in `torch.optim.Adam`.
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    def _directions(self, group: dict[str, Any], moved: list[nn.Parameter]) -> list[Tensor]:
        beta1, beta2 = group["betas"]
        gradients = _gradients(group, moved)
        for p in moved:
            state = self.state[p]
            if "step" not in state:
                state["step"] = torch.tensor(0.0)
                state["exp_avg"] = torch.zeros_like(p)
                state["exp_avg_sq"] = torch.zeros_like(p)
            state["step"] += 1.0
        mean = [self.state[p]["exp_avg"] for p in moved]
        square = [self.state[p]["exp_avg_sq"] for p in moved]
        torch._foreach_lerp_(mean, gradients, 1.0 - beta1)
        torch._foreach_mul_(square, beta2)
        torch._foreach_addcmul_(square, gradients, gradients, value=1.0 - beta2)
        steps = [float(self.state[p]["step"]) for p in moved]
        roots = torch._foreach_sqrt(square)
        torch._foreach_div_(roots, [(1.0 - beta2**step) ** 0.5 for step in steps])
        torch._foreach_add_(roots, TINY)
        directions = torch._foreach_div(mean, roots)
        torch._foreach_div_(directions, [1.0 - beta1**step for step in steps])
        return list(directions)


def _betas(cfg: OptimConfig) -> tuple[float, float]:
    return cfg.beta1, cfg.beta2


def sgd(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """θ ← θ − η·g. Robbins and Monro 1951."""
    parameters = list(parameters)
    fused = fused and not any(in_parts(p) for p in parameters)  # torch's kernel of it knows none
    return SGD(parameters, lr=float(cfg.lr), weight_decay=cfg.weight_decay, fused=fused)


def momentum(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """v ← μ·v + g, θ ← θ − η·v: the heavy ball. Polyak 1964.

    μ may be negative, as Gidel et al. 2019b recommend for games; torch's own check knows no games,
    so μ is set after it.
    """
    found = sgd(parameters, cfg, fused)
    for group in found.param_groups:
        group["momentum"] = cfg.momentum
    return found


def nesterov(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """v ← μ·v + g, θ ← θ − η·(g + μ·v). Nesterov 1983, as Sutskever et al. 2013 write it."""
    found = momentum(parameters, cfg, fused)
    for group in found.param_groups:
        group["nesterov"] = True
    return found


def rmsprop(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """v ← β₂·v + (1 − β₂)·g², θ ← θ − η·g/(√v + ε). Hinton 2012, lecture 6e; v is 0 at first."""
    del fused  # torch has no fused kernel of it
    found = RMSprop(
        parameters,
        lr=float(cfg.lr),
        alpha=cfg.beta2,
        eps=TINY,
        weight_decay=cfg.weight_decay,
    )
    return unasked(found)


def _nothing() -> None:
    """In place of a question."""


def unasked(optimizer: Optimizer) -> Optimizer:
    """The optimiser without torch's question before each step whether a graph is being captured.

    Without a driver, torch built for CUDA answers it by trying to load one anew: 0.4 ms of
    processor time a step. Where no accelerator is, none will capture anything.
    """
    if not torch.accelerator.is_available():
        setattr(optimizer, "_accelerator_graph_capture_health_check", _nothing)  # noqa: B010
    return optimizer


def _by_moments(
    kind: type[Adam], parameters: Parameters, cfg: OptimConfig, fused: bool, amsgrad: bool = False
) -> Optimizer:
    """Adam or one of its kin, which differ in a rule or in a switch alone."""
    found = kind(
        parameters,
        lr=float(cfg.lr),
        betas=_betas(cfg),
        eps=TINY,
        weight_decay=cfg.weight_decay,
        amsgrad=amsgrad,
        fused=fused,
    )
    return unasked(found)


def adam(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """θ ← θ − η·m̂/(√v̂ + ε), m and v averages of g and g². Kingma and Ba 2015, algorithm 1."""
    return _by_moments(Adam, parameters, cfg, fused)


def adamw(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """`adam`, and θ ← θ − η·λθ apart from the moments. Loshchilov and Hutter 2019, algorithm 2."""
    return _by_moments(AdamW, parameters, cfg, fused)


def amsgrad(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """`adam` with the largest v so far, so that no step grows again. Reddi et al. 2018, alg. 2."""
    return _by_moments(Adam, parameters, cfg, fused, amsgrad=True)


def optimistic(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """θ ← θ − 2η·g_t + η·g_{t−1}. Popov 1980; Daskalakis et al. 2018."""
    del fused
    return OptimisticDescent(parameters, float(cfg.lr), cfg.weight_decay)


def optimistic_adam(parameters: Parameters, cfg: OptimConfig, fused: bool) -> Optimizer:
    """`optimistic` on the directions of `adam`. Daskalakis et al. 2018, algorithm 1."""
    del fused
    return OptimisticAdam(parameters, float(cfg.lr), _betas(cfg), cfg.weight_decay)


OPTIMISERS: dict[str, Builder] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "amsgrad": amsgrad,
    "optimistic": optimistic,
    "optimistic-adam": optimistic_adam,
}


def set_rates(optimizer: Optimizer, lr: float, beta1: float, beta2: float) -> None:
    """What moves from step to step, as far as this optimiser has it; RMSProp's α is β₂."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        if "betas" in group:
            group["betas"] = (beta1, beta2)
        if "alpha" in group:
            group["alpha"] = beta2
