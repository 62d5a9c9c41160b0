"""What a net's layers and units do on a batch: who is dead, who is saturated, who got a gradient.

One batch is enough, and nothing is changed by looking: gradients are asked for beside ``.grad``,
and what a forward pass moves (running means, singular vectors) is put back.

A unit is one index of the axis that follows the batch in an activation's output: a neuron of a
perceptron, a channel of a convolution over all its pixels. With f' the derivative of the
activation at what reaches it, over the whole batch a unit is

- dead, if f' is 0 everywhere (a ReLU that is never on): no gradient passes it, and none revives it;
- one-sided, if a leaky kind is never on its steep side: it passes a small multiple of its input;
- saturated, if a bounded kind (sigmoid, tanh and their hard forms) has |f'| below 1 % of the
  largest f' that it can have in more than 99 % of its values (Glorot and Bengio 2010 plot these).

What a net ends in is no hidden unit: of it the share of values that are saturated is told apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

# The largest derivative of the bounded kinds, by the name of their class.
BOUNDED = {
    "Sigmoid": 0.25,
    "Tanh": 1.0,
    "Hardsigmoid": 1 / 6,
    "HardSigmoid": 1 / 6,
    "Hardtanh": 1.0,
}
LEAKY = ("LeakyReLU", "PReLU", "RReLU")
HOMES = ("torch.nn.modules.activation", "gansmith.models.activations")
MIXING = ("Softmax", "Softmax2d", "LogSoftmax", "Softmin", "GLU", "MultiheadAttention")
FLAT, NEARLY_ALL = 0.01, 0.99


@dataclass
class Seen:
    """What one activation did over the calls of a batch; vectors over its units."""

    kind: str
    dead: Tensor
    one_sided: Tensor
    flat: Tensor  # how many values of each unit are flat
    values: int  # how many values each unit has had


@dataclass
class Record:
    """The order in which a net's parts were called, and what its activations did."""

    order: list[nn.Module] = field(default_factory=list)
    seen: dict[nn.Module, Seen] = field(default_factory=dict)


def is_activation(module: nn.Module) -> bool:
    """Whether this is an elementwise activation of torch or of this house."""
    kind = type(module)
    return kind.__module__ in HOMES and kind.__name__ not in MIXING


def weight_of(module: nn.Module) -> nn.Parameter | None:
    """The matrix of a layer, also where it lies under a parametrisation."""
    if isinstance(module, nn.Embedding) or is_activation(module):
        return None  # a table of classes is no layer that samples go through
    if not isinstance(getattr(module, "weight", None), Tensor):
        return None
    found = (p for p in module.parameters() if p.ndim >= 2)
    return next(found, None)


def _slope(module: nn.Module, x: Tensor) -> Tensor:
    """f' of an elementwise activation at each value of x."""
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(module.forward(at.clone()).sum(), at)  # it may be in-place
    return slope


def _look(module: nn.Module, x: Tensor) -> Seen:
    slope, kind = _slope(module, x).abs(), type(module).__name__
    by_unit = slope.transpose(0, 1).flatten(1)
    inputs = x.detach().transpose(0, 1).flatten(1)
    leaky = (inputs <= 0).all(1) if kind in LEAKY else torch.zeros_like(by_unit[:, 0]).bool()
    flat = by_unit < FLAT * BOUNDED[kind] if kind in BOUNDED else torch.zeros_like(by_unit).bool()
    return Seen(kind, (by_unit == 0).all(1), leaky, flat.sum(1), by_unit.shape[1])


@contextmanager
def unmoved(net: nn.Module) -> Iterator[None]:
    """What a forward pass moves in a net is put back."""
    before = [(value, value.clone()) for value in net.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for value, old in before:
                value.copy_(old)


@contextmanager
def watched(net: nn.Module) -> Iterator[Record]:
    """Hooks on a net's layers and activations; taken off again, and its buffers put back."""
    record = Record()

    def call(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        del output
        record.order.append(module)
        if not is_activation(module):
            return
        x = inputs[0] if inputs[0].ndim > 1 else inputs[0][:, None]  # D's output is a vector
        now, before = _look(module, x), record.seen.get(module)
        if before is not None and len(before.dead) == len(now.dead):
            now.dead &= before.dead
            now.one_sided &= before.one_sided
            now.flat += before.flat
            now.values += before.values
        record.seen[module] = now

    watched = [m for m in net.modules() if is_activation(m) or weight_of(m) is not None]
    hooks = [module.register_forward_hook(call) for module in watched]
    try:
        with unmoved(net):
            yield record
    finally:
        for hook in hooks:
            hook.remove()


def _hidden(record: Record) -> tuple[list[Seen], set[nn.Module]]:
    """What the hidden activations did, and the activations that the net ends in."""
    layers = [at for at, module in enumerate(record.order) if not is_activation(module)]
    last = layers[-1] if layers else len(record.order)
    ends = {module for module in record.order[last + 1 :] if is_activation(module)}
    return [seen for module, seen in record.seen.items() if module not in ends], ends


def deadest(record: Record) -> float | None:
    """The largest share of dead units in one hidden layer: 1 cuts the net in two."""
    hidden, _ = _hidden(record)
    return max((float(seen.dead.float().mean()) for seen in hidden), default=None)


def units(record: Record) -> dict[str, float | int | None]:
    """Shares of hidden units, and of saturated values at the end; None where there are none."""
    hidden, ends = _hidden(record)
    count = sum(len(seen.dead) for seen in hidden)

    def share(number: int) -> float | None:
        return number / count if count else None

    found: dict[str, float | int | None] = {
        "count": count,
        "dead": share(sum(int(seen.dead.sum()) for seen in hidden)),
        "one_sided": share(sum(int(seen.one_sided.sum()) for seen in hidden)),
        "saturated": share(
            sum(int((seen.flat > NEARLY_ALL * seen.values).sum()) for seen in hidden)
        ),
        "output_saturated": None,
    }
    for module in ends & record.seen.keys():
        seen = record.seen[module]
        if seen.kind in BOUNDED:
            found["output_saturated"] = int(seen.flat.sum()) / (seen.values * len(seen.flat))
    return found


def gradient_norms(net: nn.Module, loss: Tensor) -> dict[str, float]:
    """‖∂loss/∂p‖ of every parameter; 0 for one that the loss does not reach."""
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True)
    return {
        name: 0.0 if gradient is None else float(gradient.detach().float().norm())
        for (name, _), gradient in zip(named, found, strict=True)
    }


def ends_of(net: nn.Module, record: Record, norms: dict[str, float]) -> tuple[float, float] | None:
    """The norms of the first and the last layer that the forward pass went through."""
    names = {id(p): name for name, p in net.named_parameters()}
    weights = [p for p in map(weight_of, record.order) if p is not None]
    known = [norms[names[id(p)]] for p in weights if names.get(id(p)) in norms]
    return (known[0], known[-1]) if known else None
